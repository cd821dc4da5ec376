def _micros(text):
    """Microseconds since 1970 UTC of what Penchant's parse_timestamp reads: dates and times as people and programs write them (the
    separator tells the order: 2025-03-09, 9.3.2025, 03/09/2025), seconds or (12 digits and more) milliseconds since 1970."""
    import datetime

    text = (text or "").strip()
    if re.fullmatch("-?[0-9]+", text):
        number = int(text) * (1_000 if len(text.lstrip("-")) >= 12 else 1_000_000)
        return number if -(2**63) <= int(text) < 2**63 else None
    found = re.fullmatch(
        r"(?:([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})|([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})|([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}))"
        r"(?:[T ]\s*(?:([0-9]{1,9}):([0-9]{1,9})(?::([0-9]{1,9})(?:\.([0-9]{1,9}))?)?)?\s*"
        r"(?:[Zz]|([+-])(?:([0-9]{1,9}):([0-9]{1,9})|([0-9]{2})([0-9]{2})|([0-9]{1,9})))?)?",
        text,
    )
    if not found:
        return None
    part = lambda *groups: next((found[group] for group in groups if found[group]), "0")
    hour, minute, second = (int(part(group)) for group in (10, 11, 12))
    zone_hours, zone_minutes = int(part(15, 17, 19)), int(part(16, 18))
    if hour > 23 or minute > 59 or second > 59 or zone_hours > 14 or zone_minutes > 59:
        return None
    try:
        day = datetime.date(int(part(1, 6, 9)), int(part(2, 5, 7)), int(part(3, 4, 8)))
    except ValueError:
        return None
    zone = (zone_hours * 3600 + zone_minutes * 60) * (-1 if found[14] == "-" else 1)
    seconds = (day.toordinal() - 719_163) * 86_400 + hour * 3600 + minute * 60 + second - zone
    return seconds * 1_000_000 + int(part(13).ljust(6, "0")[:6])


def parse_timestamp(text):
    import datetime

    micros = _micros(text)
    # The years 1 to 9999.
    if micros is None or not -62_135_596_800_000_000 <= micros < 253_402_300_800_000_000:
        return None
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=micros)


def parse_date(text):
    moment = parse_timestamp(text)
    return moment and moment.date()


def epoch_seconds(text):
    micros = _micros(text)
    return None if micros is None else micros // 1_000_000


def normalize_text(text):
    import unicodedata

    if text is None:
        return None
    plain = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in "".join(plain).lower()).split())


def sha256_hex(text):
    import hashlib

    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def safe_divide(a, b):
    return None if a is None or not b else float(a) / float(b)


def jaro_winkler(a, b):
    if a is None or b is None:
        return None
    if a == b:
        return 1.0
    reach = max(max(len(a), len(b)) // 2 - 1, 0)
    taken, left = [False] * len(b), []
    for i, c in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if not taken[j] and b[j] == c:
                taken[j] = True
                left.append(c)
                break
    right = [c for c, used in zip(b, taken) if used]
    m = len(left)
    if m == 0:
        return 0.0
    half = sum(x != y for x, y in zip(left, right)) // 2
    jaro = (m / len(a) + m / len(b) + (m - half) / m) / 3
    prefix = 0
    for x, y in zip(a[:4], b[:4]):
        if x != y:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)
