# Part of OMC. Licence LGPL-3.
"""Shapes of what an administrator writes into a connector; no records, no database.

The daemon holds every definition to the same rules. What is refused here is refused where it was written.
"""

import ast
import json
import re

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# OMC's own key in each record that it sends.
REFERENCE = "omc_ref"

TARGETS = ("vid", "name", "gender", "dob", "phoneNumber", "emailId", "fullAddress")
LIST_TARGETS = ("name", "fullAddress")
LONGEST_PATH, DEEPEST_PATH, MOST_PATHS = 200, 8, 20

# Kinds of field with one plain value.
READABLE = {"char", "text", "html", "selection", "integer", "float", "monetary", "boolean", "date", "datetime", "many2one"}
# Fields that Odoo keeps for itself, or that decide who is a registrant at all.
NOT_WRITABLE = {
    "id",
    "display_name",
    "create_date",
    "create_uid",
    "write_date",
    "write_uid",
    "active",
    "is_registrant",
    "is_group",
    "company_id",
}

OPERATORS = {
    "=",
    "!=",
    "<=",
    "<",
    ">",
    ">=",
    "=?",
    "=like",
    "=ilike",
    "like",
    "not like",
    "ilike",
    "not ilike",
    "in",
    "not in",
    "child_of",
    "parent_of",
    "any",
    "not any",
    "<>",
    "==",
}
LONGEST_DOMAIN, MOST_TERMS = 20_000, 500

LONGEST_JQ = 4000
# Filters that reach beyond the record or do not end.
REFUSED_JQ = {
    "env",
    "input",
    "inputs",
    "debug",
    "stderr",
    "input_filename",
    "input_line_number",
    "halt",
    "halt_error",
    "def",
    "reduce",
    "foreach",
    "while",
    "until",
    "repeat",
    "recurse",
    "label",
    "break",
    "import",
    "include",
    "getpath",
    "path",
    "paths",
    "now",
    "range",
    "limit",
}

MOST_HEADERS, LONGEST_HEADER = 20, 1000
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"([!-~]([ -~]*[!-~])?)?")
# MTS and OMC set these themselves.
NOT_EXTRA = {
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "host",
    "authorization",
    "cookie",
    "expect",
    "upgrade",
}
# Where somebody else takes the results, a login that MTS knows only as a header is the administrator's to write.
NOT_ELSEWHERE = NOT_EXTRA - {"authorization", "cookie", "content-type"}
# What MTS logs in with at a callback URL that is not OMC's.
LOGIN_FIELDS = {
    "staticBearer": ("callback_auth_password",),
    "odoo": ("callback_auth_url", "callback_auth_database", "callback_auth_username", "callback_auth_password"),
    "oauth": ("callback_auth_url", "callback_auth_username", "callback_auth_password"),
}

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
LONGEST_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def is_number(text):
    """Whether it is a whole number that an identifier or a count can be; other scripts' digits are none to `int`."""
    return text.isascii() and text.isdigit() and len(text) < 10


def is_name(text):
    return isinstance(text, str) and bool(NAME.fullmatch(text))


def json_value(text):
    """A value written as JSON. ValueError if it is none, or nests too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError from error


def literal(text):
    """A value written as JSON, or as the Python literal that Odoo's domain editor saves. ValueError if it is neither."""
    if len(text) > LONGEST_DOMAIN:
        raise ValueError
    try:
        return json_value(text)
    except ValueError:
        return _python_literal(text)


def _python_literal(text):
    try:
        return _plain(ast.literal_eval(text.strip()))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError from error


def _plain(value):
    """Tuples are lists in JSON."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError


def names(text):
    """A list of names, as a JSON list or with commas between them. ValueError if it is none."""
    text = text.strip()
    if not text.startswith("["):
        return [name.strip() for name in text.split(",")]
    found = json_value(text)
    if not all(isinstance(name, str) for name in found):
        raise ValueError
    return found


def is_path(text):
    """A plain path: the only kind of mapping entry, because MTS runs them as code."""
    parts = text.split(".") if isinstance(text, str) and len(text) <= LONGEST_PATH else []
    return 0 < len(parts) <= DEEPEST_PATH and all(is_name(part) for part in parts)


def domain_terms(domain):
    """All leaves of a domain, those within `any` too, each with the model's path before it. ValueError names the term."""
    if not isinstance(domain, list) or len(domain) > MOST_TERMS:
        raise ValueError("0")
    wanted = 1
    for place, term in enumerate(domain, 1):
        # Operands next to each other at the top are joined with an implicit `&`.
        wanted = wanted or 1
        if term in ("&", "|"):
            wanted += 1
        elif term == "!":
            pass
        elif _is_leaf(term):
            wanted -= 1
            yield term
        else:
            raise ValueError(str(place))
    if wanted and domain:
        raise ValueError(str(len(domain)))


def _is_leaf(term):
    if not isinstance(term, list) or len(term) != 3:
        return False
    field, operator, value = term
    if not isinstance(operator, str) or operator.lower() not in OPERATORS:
        return False
    if not isinstance(field, str):
        return field in (0, 1) and operator == "=" and value == 1
    if not all(is_name(part) for part in field.split(".")):
        return False
    if operator.lower() in ("any", "not any"):
        return isinstance(value, list)
    if operator.lower() in ("in", "not in"):
        return isinstance(value, bool) or _is_scalars(value)
    return _is_scalars(value) or not isinstance(value, list | dict)


def _is_scalars(value):
    return isinstance(value, list) and not any(isinstance(item, list | dict) for item in value)


def jq_problem(text):
    """What is surely wrong with a jq expression, as a code, and where. The daemon reads it whole."""
    if len(text) > LONGEST_JQ:
        return "long", str(LONGEST_JQ)
    code = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    code = re.sub(r"#[^\n]*", "", code)
    if code.count('"') % 2:
        return "text", ""
    closing, open_ones = {")": "(", "]": "[", "}": "{"}, []
    for letter in code:
        if letter in closing.values():
            open_ones.append(letter)
        elif letter in closing and (not open_ones or open_ones.pop() != closing[letter]):
            return "bracket", letter
    if open_ones:
        return "bracket", open_ones[-1]
    if not code.strip() or re.search(r"(\||,|=|:)\s*$", code) or re.match(r"\s*(\||,)", code):
        return "end", ""
    refused = re.search(r"\$ENV\b|\.\.(?!\.)", code)
    # Keys of objects and of paths may be called anything.
    words = re.findall(r"(?<![.$\w@])([a-z_][a-z_0-9]*)(?!\s*:)\b", code)
    word = refused.group() if refused else next((word for word in words if word in REFUSED_JQ), None)
    return ("refused", word) if word else None


def cron_problem(text):
    """What is wrong with a cron expression: the number of the field, 0 for their count, or -1 if it never comes due."""
    fields = text.upper().split()
    if len(fields) == 6:
        # Seconds may stand before the rest.
        if not _cron_field(fields[0], 0, 59):
            return 1
        fields = fields[1:]
    if len(fields) != 5:
        return 0
    limits = [(0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, MONTHS), (0, 7, DAYS)]
    for place, (field, (low, high, words)) in enumerate(zip(fields, limits, strict=True), 1):
        if not _cron_field(field, low, high, words, day=place == 3, weekday=place == 5):
            return place
    return -1 if _never(fields[2], fields[3], fields[4]) else None


def _cron_field(field, low, high, words=(), day=False, weekday=False):
    return all(_cron_part(part, low, high, words, day, weekday) for part in field.split(","))


def _cron_part(part, low, high, words, day, weekday):
    span, slash, step = part.partition("/")
    if slash and not (is_number(step) and int(step) > 0):
        return False
    if span in ("*", "?"):
        return span == "*" or day or weekday
    if day and re.fullmatch(r"L|LW|\d{1,2}W", span):
        return not slash
    if weekday:
        span = re.sub(r"(#[1-5]|#L|L)$", "", span) or span
    ends = [_cron_value(end, words, low) for end in span.split("-")]
    known = len(ends) in (1, 2) and all(end is not None and low <= end <= high for end in ends)
    return known and ends[0] <= ends[-1]


def _cron_value(text, words, low):
    if text in words:
        # Months count from 1, days of the week from 0.
        return words.index(text) + low
    return int(text) if text.isdigit() and text.isascii() and len(text) < 3 else None


def _never(day, month, weekday):
    """Whether no month named has a day named, as on 30 February."""
    if weekday not in ("*", "?") or not re.fullmatch(r"\d+(,\d+)*", day):
        return False
    parts = month.split(",")
    if not all(part.isdigit() or part in MONTHS for part in parts):
        return False
    longest = max(LONGEST_MONTH[_cron_value(part, MONTHS, 1) - 1] for part in parts)
    return min(int(part) for part in day.split(",")) > longest


def has_text(value):
    """Whether the value of a condition is a text, or a list with one in it."""
    return isinstance(value, str) or (isinstance(value, list | tuple) and any(has_text(one) for one in value))
