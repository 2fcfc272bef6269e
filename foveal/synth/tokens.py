"""The pieces of a text that are no plain words: case, marks, numbers, prices, codes, lines of a till."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_PAIRS = ("()", "[]", "“”", "„“", "«»", "‘’", '""', "''", "{}", "<>", "‹›", "»«", "‚‘", "**", "##")
_ENDS = (
    ".",
    ",",
    ":",
    ";",
    "!",
    "?",
    "…",
    "...",
    "’s",
    "'s",
    "-",
    "–",
    "*",
    "/",
    "™",
    "®",
    "©",
    "°",
    "%",
    "’",
    "†",
    ")",
)
_STARTS = ("-", "–", "—", "•", "*", "#", "@", "&", "+", "§", "©", "“", "„", "‘", "(", "~", "_", "=", "→", "/")
_MONEY = ("RM ", "RM", "$", "$", "$", "€", "€", "£", "£", "¥", "USD ", "EUR ", "CHF ", "kr ", "₹", "Rs. ")
_MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
    "juin",
    "août",
    "Mai",
    "März",
)
_UNITS = (
    "km",
    "m",
    "cm",
    "mm",
    "kg",
    "g",
    "L",
    "ml",
    "°C",
    "%",
    "mph",
    "km/h",
    "m²",
    "€",
    "h",
    "min",
    "pcs",
    "MB",
    "V",
    "W",
)
_ALIKE = "0O1Il|B8S5Z2G6"
_FRACTIONS = "½¼¾⅓⅔⅛"
_TILL = (
    "TOTAL", "SUBTOTAL", "SUB TOTAL", "Total", "CASH", "CHANGE", "GST 6%", "SST", "VAT", "TVA 20%",
    "MwSt 19%", "TAX", "ROUNDING", "ROUNDING ADJ", "DISCOUNT", "AMOUNT", "NETT", "NET TOTAL",
    "TOTAL DUE", "BALANCE", "ITEM(S)", "QTY", "TOTAL QTY", "CARD", "VISA", "MASTERCARD", "SUMME", "BAR",
    "ESPECES", "RENDU", "TOTAL (INCL. GST)", "SERVICE CHG", "Total Sales (Inclusive of GST)",
    "TOTAL AMT PAYABLE", "TAX INVOICE", "Invoice No", "INV NO", "Bill No", "CASHIER", "DATE", "TIME",
    "TABLE", "DOC NO.", "GST ID", "REG NO", "TEL", "FAX", "TERMINAL", "SR", "ZRL", "THANK YOU",
)  # fmt: skip


def in_case(word: str, rng: Random, *, upper: float, title: float) -> str:
    """Return a word in capitals (chance `upper`), with a capital (`title`), seldom mixed, else as it is."""
    which = rng.random()
    if which < upper:
        return word.upper()
    if which < upper + title:
        return word[0].upper() + word[1:]
    if which > 0.99:
        return "".join(rng.choice((char, char.upper())) for char in word)
    return word


def marked(word: str, rng: Random) -> str:
    """Return a word with a mark of punctuation before, after or round it, or joined to another part."""
    which = rng.random()
    if which < 0.55:
        return word + rng.choice(_ENDS)
    if which < 0.8:
        pair = rng.choice(_PAIRS)
        return f"{pair[0]}{word}{pair[1]}"
    if which < 0.93:
        return rng.choice(_STARTS) + word
    middle = max(1, len(word) // 2)
    return word[:middle] + rng.choice("-/&.+'’·_") + word[middle:]


def number(rng: Random) -> str:
    """Return digits as they are met: counts, prices, dates, times, phone numbers, shares, measures."""
    return rng.choice(_NUMBERS)(rng)


def _count(rng: Random) -> str:
    return str(rng.randrange(10 ** rng.randint(1, 6)))


def _grouped(rng: Random) -> str:
    return f"{rng.randrange(10**7):,}".replace(",", rng.choice((",", ".", "’", "'", ",")))


def _decimal(rng: Random) -> str:
    return f"{rng.random() * 10 ** rng.randint(0, 4):.{rng.randint(1, 3)}f}".replace(".", rng.choice(".,."))


def price(rng: Random) -> str:
    """Return an amount of money, with its currency or without."""
    amount = f"{rng.random() * 10 ** rng.randint(1, 4):,.2f}"
    if rng.random() < 0.25:
        amount = amount.replace(",", " ").replace(".", ",").replace(" ", ".")
    which = rng.random()
    if which < 0.5:
        return rng.choice(_MONEY) + amount
    return (
        amount + rng.choice(("€", " €", "", "", "-", " kr", " Kč", " zł", " Ft", "₺"))
        if which < 0.75
        else amount
    )


def date(rng: Random) -> str:
    """Return a date in one of the usual forms."""
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1650, 2035)
    which = rng.randrange(7)
    if which < 3:
        sign = rng.choice("/-.")
        return f"{day:02}{sign}{month:02}{sign}{year if rng.random() < 0.7 else year % 100:02}"
    if which == 3:
        return f"{year}-{month:02}-{day:02}"
    if which == 4:
        return f"{day} {rng.choice(_MONTHS)} {year}"
    return str(year) if which == 5 else f"{rng.choice(_MONTHS)} {day}, {year}"


def _time(rng: Random) -> str:
    seconds = f":{rng.randrange(60):02}" if rng.random() < 0.4 else ""
    half = rng.choice(("", "", " AM", " PM", "am", "pm", "h", " Uhr"))
    return f"{rng.randrange(24):02}{rng.choice(':::.h')}{rng.randrange(60):02}{seconds}{half}"


def _phone(rng: Random) -> str:
    parts = [str(rng.randrange(10**size)).zfill(size) for size in rng.choices((2, 3, 4), k=rng.randint(2, 4))]
    return rng.choice(("", "+", "0", "(0)", "Tel. ", "T: ")) + rng.choice(("-", " ", ".", "")).join(parts)


def _share(rng: Random) -> str:
    return f"{rng.randrange(101)}{rng.choice(('%', ' %', '%', '‰', '%'))}"


def _measure(rng: Random) -> str:
    return f"{rng.randrange(1000)}{rng.choice(('', ' '))}{rng.choice(_UNITS)}"


def _fraction(rng: Random) -> str:
    which = rng.random()
    if which < 0.4:
        return f"{rng.randrange(10) or ''}{rng.choice(_FRACTIONS)}"
    return f"{rng.randint(1, 20)}{rng.choice('/×x:±')}{rng.randint(1, 99)}"


def _ordinal(rng: Random) -> str:
    end = rng.choice(("st", "nd", "rd", "th", "º", "ª", "e", "er", ".", "ème", "²", "³", "°", "¹"))
    return f"{rng.randint(1, 99)}{end}"


def _roman(rng: Random) -> str:
    return rng.choice(
        ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XIV", "XVI", "XIX", "XX", "MDCC")
    )


_NUMBERS: tuple[Callable[[Random], str], ...] = (
    _count, _count, _count, _count, _grouped, _decimal, price, price, price, date, date, _time, _phone,
    _share, _measure, _fraction, _ordinal, _roman,
)  # fmt: skip


def code(rng: Random) -> str:
    """Return letters and digits without sense: plates, part numbers, look-alikes such as B0O0 and l1I."""
    which, size = rng.random(), rng.randint(2, 10)
    if which < 0.2:
        return "".join(rng.choices(_ALIKE, k=size))
    if which < 0.5:
        return "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=size))
    if which < 0.65:
        return "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=size))
    head = "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=rng.randint(1, 4)))
    return (
        f"{head}{rng.choice(('-', '', ' ', '/', '.', '#', ':', '_'))}{rng.randrange(10 ** rng.randint(2, 8))}"
    )


def till_line(rng: Random, word: Callable[[], str]) -> str:
    """Return a line of a receipt: an article with its price, a sum, a tax, a number with its label."""
    which = rng.random()
    if which < 0.3:
        return f"{rng.choice(_TILL)}{rng.choice((' ', ': ', ' : ', ' RM '))}{price(rng)}"
    if which < 0.42:
        return f"{rng.randint(1, 20)} {rng.choice('xX×@')} {rng.random() * 50:.2f} {rng.random() * 300:.2f}"
    if which < 0.8:
        goods = " ".join(in_case(word(), rng, upper=0.75, title=0.2) for _ in range(rng.randint(1, 4)))
        head = rng.choice(("", "", f"{rng.randint(1, 12)} ", f"{rng.randrange(10**13):013} "))
        return f"{head}{goods} {price(rng)}{rng.choice(('', '', ' SR', ' S', ' *', ' A', ' B'))}"
    value = rng.choice((code, number, date))(rng)
    return f"{rng.choice(_TILL)}{rng.choice((': ', ' ', ' : ', '. ', ' #'))}{value}"
