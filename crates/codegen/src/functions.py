def _seconds(text):
    """What Penchant's parse_timestamp reads: ISO dates and times, day-first dates with points, seconds or milliseconds since 1970."""
    import datetime

    text = (text or "").strip()
    if text.lstrip("-").isdigit() and len(text) >= 9:
        number = int(text)
        return number / 1000 if abs(number) >= 100_000_000_000 else number
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d"):
            try:
                moment = datetime.datetime.strptime(text, form)
                break
            except ValueError:
                continue
        else:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp()


def parse_timestamp(text):
    import datetime

    seconds = _seconds(text)
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds)


def parse_date(text):
    import datetime

    seconds = _seconds(text)
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date()


def epoch_seconds(text):
    seconds = _seconds(text)
    return None if seconds is None else int(seconds // 1)


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
