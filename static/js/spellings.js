// Numbers and amounts as people write them, read by the rules of lib/phone.py and lib/money.py: what is refused here
// would be refused there (one table of spellings tests both: lib/tests/spellings.py).
const MARKS = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/g;
const SEPARATORS = /[\s()\-\u2010-\u2015\u2212]+/g;
const PHONE = /^(?:tel:)?(?:(?:\+|00)?254|0)?[17]\d{8}$/i;
const AMOUNT = /^(?:KES|KSH\.?)? *((?:\d{1,3}(?:[, ]\d{3})+|\d{1,15})(?:\.\d{1,15})?)(?:\/[-=])?$/i;

export const isPhone = (text) =>
  PHONE.test(text.replace(MARKS, "").replace(SEPARATORS, "").replace(/\.(?=\d{2})/g, ""));

// Its digits ("KES 1,000.50/=" is "1000.50"), or "" where it is no amount.
export const amountIn = (text) => {
  const form = AMOUNT.exec(text.replace(MARKS, "").replace(/[\u00a0\u2007\u2009\u202f]/g, " ").trim());
  return form ? form[1].replace(/[, ]/g, "") : "";
};
