"""Who can be paid: short codes known to this M-Pesa."""

import base64
import binascii
import dataclasses

SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"  # public (daraja.md 10)
PAY_BILL = "CustomerPayBillOnline"
BUY_GOODS = "CustomerBuyGoodsOnline"


@dataclasses.dataclass(frozen=True)
class Merchant:
    """A pay bill, or (with a till) the store of a till. Without a passkey any is right."""

    shortcode: str
    name: str
    till: str = ""
    passkey: str = ""

    @property
    def transaction_type(self) -> str:
        return BUY_GOODS if self.till else PAY_BILL

    @property
    def party_b(self) -> str:
        return self.till or self.shortcode

    def accepts(self, password: str, timestamp: str) -> bool:
        """Password must be base64(short code + passkey + timestamp)."""
        try:
            plain = base64.b64decode(password, validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return False
        if self.passkey:
            return plain == self.shortcode + self.passkey + timestamp
        return plain.startswith(self.shortcode) and plain.endswith(timestamp)


def table(business_name: str) -> dict[str, Merchant]:
    """174379 is the public sandbox pay bill, 300584 the store of till 5201234, 600xxx the test codes of later APIs."""
    known = (
        Merchant("174379", business_name, passkey=SANDBOX_PASSKEY),
        Merchant("300584", business_name, till="5201234"),
        Merchant("600984", business_name),
        Merchant("600000", business_name),
    )
    return {merchant.shortcode: merchant for merchant in known}
