"""The APIs this M-Pesa speaks: one file each, one line here."""

from simulator.apis import oauth, stk_push, stk_query

APIS = (oauth.API, stk_push.API, stk_query.API)
