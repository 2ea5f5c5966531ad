//! What a night costs where, in which money, with which taxes, and how people there name a hotel.

use contracts::{Currency, TaxRule};
use iso_currency::Currency as Known;

use super::names::Culture;

/// A country's prices.
#[derive(Debug, Clone)]
pub(super) struct Land {
    pub culture: Culture,
    pub currency: Currency,
    /// Minor units in a major one, as a power of ten.
    pub decimals: u32,
    /// How much of the currency a US dollar is worth, roughly.
    pub dollar: f64,
    /// What a plain three-star double room costs, in US dollars.
    pub level: f64,
    pub taxes: Vec<TaxRule>,
}

/// Code, how hotels are named, currency, worth of a dollar, price level in dollars, taxes (`name percent in|ex`).
const LANDS: &str = "\
AE arabic AED 3.67 110 VAT 5 in;Municipality fee 7 in;Tourism fee 10 ex
AL balkan EUR 0.92 55 VAT 6 in;City tax 2 ex
AM caucasus AMD 385 60 VAT 20 in
AO portuguese AOA 910 120 VAT 14 in
AR spanish ARS 1400 80 IVA 21 in
AT german EUR 0.92 120 VAT 10 in;Local tax 3.2 ex
AU english AUD 1.53 130 GST 10 in
AZ caucasus AZN 1.7 65 VAT 18 in
BA balkan BAM 1.8 60 VAT 17 in
BD indian BDT 122 55 VAT 15 ex
BE french EUR 0.92 120 VAT 6 in;City tax 4 ex
BF african_french XOF 580 65 VAT 10 in
BG balkan EUR 0.92 60 VAT 9 in
BO spanish BOB 6.9 50 IVA 13 in
BR portuguese BRL 5.5 65 ISS 5 in;Tourism fee 2 ex
BY slavic BYN 3.1 55 VAT 20 in
CA english CAD 1.38 140 GST and provincial tax 13 ex;Accommodation tax 4 ex
CD african_french USD 1 110 VAT 16 in
CG african_french XAF 580 90 VAT 18.9 in
CH german CHF 0.88 180 VAT 3.8 in;City tax 1.5 ex
CI african_french XOF 580 80 VAT 18 in
CL spanish CLP 950 80 IVA 19 in
CM african_french XAF 580 70 VAT 19.25 in
CN chinese CNY 7.1 60 VAT 6 in
CO spanish COP 4000 55 IVA 19 in
CR spanish USD 1 90 IVA 13 ex
CY greek EUR 0.92 95 VAT 9 in
CZ czech CZK 23 90 VAT 12 in;City tax 2 ex
DE german EUR 0.92 110 VAT 7 in;City tax 5 ex
DK nordic DKK 6.9 150 VAT 25 in
DO spanish DOP 62 90 ITBIS 18 ex;Service charge 10 ex
DZ arabic_french DZD 133 70 VAT 9 in
EC spanish USD 1 60 IVA 15 ex
EE estonian EUR 0.92 80 VAT 13 in
EG arabic EGP 48 65 VAT 14 ex;Service charge 12 ex
ES spanish EUR 0.92 105 IVA 10 in
ET african ETB 145 80 VAT 15 ex;Service charge 10 ex
FI finnish EUR 0.92 125 VAT 14 in
FR french EUR 0.92 130 VAT 10 in;Tourist tax 3 ex
GB english GBP 0.79 140 VAT 20 in
GE caucasus GEL 2.7 60 VAT 18 in
GH african GHS 12 95 VAT and levies 21 ex;Tourism levy 1 ex
GN african_french GNF 8600 85 VAT 18 in
GR greek EUR 0.92 100 VAT 13 in;Climate fee 4 ex
GT spanish GTQ 7.7 70 IVA 12 in;Tourism tax 10 ex
HK cantonese HKD 7.8 120 Hotel accommodation tax 3 ex
HR balkan EUR 0.92 95 VAT 13 in;Sojourn tax 1.5 ex
HU hungarian HUF 360 80 VAT 5 in;Tourism tax 4 ex
ID indonesian IDR 16500 45 Tax and service 21 ex
IE english EUR 0.92 150 VAT 13.5 in
IL hebrew ILS 3.6 150 VAT 18 in
IN indian INR 88 50 GST 12 ex
IQ arabic IQD 1310 70 Sales tax 10 in
IS icelandic ISK 125 190 VAT 11 in
IT italian EUR 0.92 120 IVA 10 in;City tax 4 ex
JO arabic JOD 0.709 85 Sales tax 7 ex;Service charge 10 ex
JP japanese JPY 150 85 Consumption tax 10 in;Accommodation tax 2 ex
KE african KES 129 85 VAT 16 in;Catering levy 2 in
KH khmer USD 1 45 VAT 10 in;Accommodation tax 2 in
KR korean KRW 1400 80 VAT 10 in
KW arabic KWD 0.31 110 Service charge 15 in
KZ central_asian KZT 530 60 VAT 12 in
LB arabic_french USD 1 90 VAT 11 ex
LK indian LKR 300 60 VAT 18 ex;Service charge 10 ex
LT lithuanian EUR 0.92 75 VAT 12 in;City tax 2 ex
LU french EUR 0.92 150 VAT 3 in
LV latvian EUR 0.92 75 VAT 12 in
MA arabic_french MAD 9.5 75 VAT 10 in;Tourist tax 3 ex
MG african_french MGA 4500 55 VAT 20 in
ML african_french XOF 580 65 VAT 18 in
MM burmese USD 1 45 Commercial tax 5 ex;Service charge 10 ex
MN central_asian MNT 3500 70 VAT 10 in
MT italian EUR 0.92 105 VAT 7 in
MX spanish MXN 18.5 75 IVA 16 ex;Lodging tax 4 ex
MY indonesian MYR 4.2 55 SST 8 ex
MZ portuguese MZN 64 85 VAT 16 in
NE african_french XOF 580 70 VAT 19 in
NG african NGN 1500 75 VAT 7.5 ex;Consumption tax 5 ex
NL dutch EUR 0.92 140 VAT 9 in;Tourist tax 12.5 ex
NO nordic NOK 10.7 150 VAT 12 in
NP indian NPR 140 40 VAT 13 ex
NZ english NZD 1.7 115 GST 15 in
OM arabic OMR 0.385 90 VAT 5 ex;Tourism tax 4 ex
PA spanish USD 1 80 Lodging tax 10 ex
PE spanish PEN 3.6 65 IGV 18 in
PH filipino PHP 58 60 VAT 12 in;Service charge 10 ex
PK indian PKR 280 50 Sales tax 16 ex
PL polish PLN 4 75 VAT 8 in
PT portuguese EUR 0.92 105 VAT 6 in;City tax 2 ex
PY spanish PYG 7500 55 IVA 10 in
QA arabic QAR 3.64 110 Municipality fee 5 ex
RO romanian RON 4.6 65 VAT 9 in;City tax 1 ex
RS balkan RSD 108 70 VAT 10 in
RU slavic RUB 80 60 VAT 5 in
RW african RWF 1440 95 VAT 18 in
SA arabic SAR 3.75 110 VAT 15 in;Municipality fee 2.5 ex
SE nordic SEK 10.5 125 VAT 12 in
SG english SGD 1.3 160 GST 9 ex;Service charge 10 ex
SI balkan EUR 0.92 95 VAT 9.5 in;Tourist tax 2.5 ex
SK slovak EUR 0.92 75 VAT 5 in;City tax 2 ex
SN african_french XOF 580 90 VAT 10 in
TG african_french XOF 580 60 VAT 18 in
TH thai THB 32.5 50 VAT 7 in;Service charge 10 in
TN arabic_french TND 3 60 VAT 7 in
TR turkish TRY 41 75 VAT 10 in;Accommodation tax 2 in
TW taiwanese TWD 31 75 VAT 5 in
TZ african TZS 2500 85 VAT 18 in
UA ukrainian UAH 42 55 VAT 20 in;Tourist tax 1 ex
UG african UGX 3600 75 VAT 18 in
US american USD 1 150 State and city occupancy tax 14.75 ex
UY spanish UYU 40 90 IVA 10 in
UZ central_asian UZS 12300 50 VAT 12 in
VN vietnamese VND 26000 45 VAT 8 in;Service charge 5 in
ZA african ZAR 17.5 75 VAT 15 in;Tourism levy 1 ex
ZM african ZMW 24 80 VAT 16 in
ZW african USD 1 85 VAT 15 in;Tourism levy 2 ex";

/// The country's prices; none where hotels are not made up.
pub(super) fn land(code: &str) -> Option<Land> {
    let line = LANDS.lines().find(|line| line.starts_with(code))?;
    read(line)
}

fn read(line: &str) -> Option<Land> {
    let mut fields = line.splitn(6, ' ');
    let mut next = || fields.next();
    let (_, culture, currency) = (next()?, next()?, next()?);
    let (dollar, level, taxes) = (next()?.parse().ok()?, next()?.parse().ok()?, next()?);
    Some(Land {
        culture: Culture::named(culture)?,
        currency: currency.parse().ok()?,
        decimals: u32::from(Known::from_code(currency)?.exponent()?),
        dollar,
        level,
        taxes: taxes.split(';').map(tax).collect::<Option<_>>()?,
    })
}

fn tax(text: &str) -> Option<TaxRule> {
    let mut fields = text.rsplitn(3, ' ');
    let included = fields.next()? == "in";
    let percent: f64 = fields.next()?.parse().ok()?;
    Some(TaxRule {
        name: fields.next()?.to_owned(),
        basis_points: (percent * 100.0).round() as u32,
        included,
    })
}

impl Land {
    /// Dollars in minor units of the currency, as a price that somebody would set: two or three digits and zeros.
    pub fn price(&self, dollars: f64) -> i64 {
        let major = (dollars * self.dollar).max(1.0);
        let digits = major.log10().floor() as i32 + 1;
        let least = if self.decimals == 3 { 0.5 } else { 1.0 };
        let step = 10f64.powi(digits - 3).max(least);
        ((major / step).round() * step * 10f64.powi(self.decimals as i32)).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_country() {
        for line in LANDS.lines() {
            assert!(read(line).is_some(), "{line}");
            assert!(crate::cities::country(&line[..2]).is_some(), "{line}");
        }
        let prices =
            [("DE", 104.3, 9_600), ("JP", 85.0, 12_800), ("ID", 45.0, 74_300_000), ("KW", 110.0, 34_000)];
        for (code, dollars, minor) in prices {
            assert_eq!(land(code).unwrap().price(dollars), minor, "{code}");
        }
    }
}
