# Part of OMC. Licence LGPL-3.
"""What is kept of refusals and runs in English, so that each reader sees it in their own language."""

from odoo import _lt
from odoo.tools.translate import code_translations

MODULE = "g2p_omc"

LOST = "The daemon does not know this run any more: its store was lost. The next run finds the rest."
NOT_BEGUN = "The connector was stopped before the run began."

# Listed for the export of terms only. The daemon's tests compare them with what it says.
WORDS = (
    _lt("The daemon does not know this run any more: its store was lost. The next run finds the rest."),
    _lt("The connector was stopped before the run began."),
    _lt("holds a token, or has no VID"),
    _lt("refused before"),
    _lt("The registrant has more than one usable VID, and OMC cannot know which one counts."),
    _lt("Remove the VIDs that do not count, or mark them invalid; the record is then sent by itself."),
    _lt("The registrant's VID has expired."),
    _lt("Ask the person for a current VID and correct it on the registrant; the record is then sent again by itself."),
    _lt("The registrant's VID is marked invalid in the registry."),
    _lt("The registrant's VID is empty, too long, or holds blanks or control characters."),
    _lt(
        "The registrant's VID has not the form of this country's VIDs: another number of digits, other characters, or a first digit of 0 or 1."
    ),
    _lt("The check digit of the registrant's VID is wrong: most likely a digit was mistyped."),
    _lt("A mapped value is encrypted in the registry, so OMC cannot read it."),
    _lt(
        "Let the daemon's Odoo user read the decrypted values, or map fields that are not encrypted; then requeue the record."
    ),
    _lt(
        "The connector's input format gave nothing usable for this registrant: no object, or no text where the mapping wants text."
    ),
    _lt("Try the input format with Test (or `omc preview`); correct it, or the registrant's data."),
    _lt(
        "The connector's input format takes too much time or memory on this registrant: more than a second of computing, or 256 MB."
    ),
    _lt(
        "Write the input format so that it does not multiply or nest what it works on, and try it with Test (or `omc preview`); or correct the registrant's data, if a value is unusually long."
    ),
    _lt("The date of birth is not a date in the form YYYY/MM/DD or YYYY-MM-DD."),
    _lt("Correct the date of birth on the registrant, or map a date field; the record is then sent again by itself."),
    _lt("MTS gave another token than the one the registrant already holds. Nothing was changed."),
    _lt(
        "Find out which of the two is this person's: the VID may be somebody else's. Remove the wrong token or the wrong VID by hand."
    ),
    _lt("MTS gave a token that the registry cannot hold: it is empty, or over 100 characters."),
    _lt("Check the token settings of MTS with its operator, then requeue the record."),
    _lt("Odoo refused the token, for example because it does not match the ID type's validation pattern."),
    _lt("Correct the validation of the token's ID type in Odoo, then requeue the record."),
    _lt("MTS took the record several times and never told its result. The person was not refused."),
    _lt(
        "Check the log of MTS for restarts, and that it reaches the callback address, or with delivery by download keeps its files; then requeue the record."
    ),
    _lt(
        "MTS is through with the record, and no token came into the registry. MTS tells the result to the connector's callback URL only: it refused the person, or whoever is called there did not write the token."
    ),
    _lt(
        "Look for the registrant in the log of whoever is called, and in that of MTS; correct what it is about, then requeue the record."
    ),
    _lt(
        "MOSIP found more than one thing wrong with the record, most often several values that are not those of the person's identity. MTS does not tell which."
    ),
    _lt("MTS fails on this record even when it is sent alone."),
    _lt(
        "Look at the registrant's values with Test (or `omc preview`) for anything unusual and correct them; the record is then sent again by itself. If nothing is unusual, look into the log of MTS, and requeue the record."
    ),
    _lt("Odoo fails when OMC reads this registrant, even alone, while it reads others."),
    _lt(
        "Open the registrant in Odoo and look into Odoo's log for the exception; correct the value that it is about, or take the field out of the connector. The record is tried again at each full sweep, when the registrant changes, and on requeue."
    ),
    _lt("Writing the token and removing the VID did not come to an end after several attempts. The token is kept."),
    _lt("Check the rights of the daemon's Odoo user with `omc check`, then requeue the record."),
    _lt("Odoo refuses a field that the connector's output format sets with the token. Nothing was written."),
    _lt("Correct the output format, or list the field in the connector's Fields to Write, then requeue the record."),
    _lt("MTS refused the record without a code that can be shown."),
    _lt("Look into the log of MTS at the time of the refusal; requeue the record once its cause is gone."),
    _lt("The VID does not have the form of a VID."),
    _lt("The name is empty."),
    _lt(
        "Fill the mapped field in on the registrant, or correct the connector's mapping; the record is then sent again by itself."
    ),
    _lt("The gender is empty."),
    _lt("The gender is none of male, female and others."),
    _lt("Correct the gender on the registrant; the record is then sent again by itself."),
    _lt("The date of birth is empty."),
    _lt("The date of birth is not in a form that MTS reads."),
    _lt("The address is empty."),
    _lt("There is no VID."),
    _lt("There is no name."),
    _lt("There is no gender."),
    _lt("There is no date of birth."),
    _lt("There is no phone number."),
    _lt("There is no e-mail address."),
    _lt("There is no address."),
    _lt("The data does not match the person's MOSIP identity."),
    _lt(
        "Compare the registrant's data with the person's MOSIP identity and correct it; the record is then sent again by itself."
    ),
    _lt("MOSIP holds no such data of the person to compare with."),
    _lt(
        "The person's MOSIP identity does not allow this at present; the person must have it put right at MOSIP. Requeue the record afterwards."
    ),
    _lt("MOSIP finds the ID invalid."),
    _lt("The person's MOSIP identity is deactivated."),
    _lt("MOSIP finds the VID invalid."),
    _lt("The VID has expired, or is revoked."),
    _lt("MOSIP finds one of the values invalid."),
    _lt("The VID belongs to a deactivated MOSIP identity."),
    _lt("The person has no phone number or e-mail address registered with MOSIP."),
    _lt("MOSIP does not know the VID."),
    _lt("The person has locked this kind of authentication at MOSIP."),
    _lt("The person's MOSIP identity is deactivated or blocked."),
    _lt("The VID has expired, or is deactivated."),
    _lt("The ID has the wrong length."),
    _lt("The ID's check digit is wrong."),
    _lt("The VID has the wrong length."),
    _lt("The VID's check digit is wrong."),
    _lt("MTS refused the record with a code that OMC does not know."),
    _lt("Look the code up in the documentation of MOSIP; requeue the record once its cause is gone."),
)


def in_language(text, language):
    """The text in a language of Odoo's; as it is where nobody has translated it. Two of the words may stand together."""
    known = code_translations.get_python_translations(MODULE, language or "en_US")
    if not text or text in known:
        return known.get(text, text)
    for first in known:
        second = text[len(first) + 1 :]
        if text.startswith(f"{first} ") and second in known:
            return f"{known[first]} {known[second]}"
    return text
