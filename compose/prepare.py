"""Prepares an empty registry for a trial: OMC's account, registrants that nobody is, and a connector that is started.

Part of compose.yaml, where it runs once; run again, it changes nothing that is there. Standard library only.

Environment: ODOO_URL, ODOO_DATABASE; ODOO_LOGINS, pairs of an administrator's login and password, `login:password`, with
blanks between; MTS_URL; OMC_LOGIN, OMC_PASSWORD.
"""

import http.client
import os
import sys
import time
import xmlrpc.client

# Seconds: until Odoo is there, between two looks, and for one call.
PATIENCE = 900
PAUSE = 5
CALL = 60
REGISTRANTS = 20
VID_TYPE = "MOSIP VID"
TOKEN_TYPE = "MOSIP UIN TOKEN"
MOVED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


class Transport(xmlrpc.client.Transport):
    """HTTP with an end to each wait."""

    def make_connection(self, host):
        return http.client.HTTPConnection(host, timeout=CALL)


def proxy(url, service):
    return xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/{service}", transport=Transport(), allow_none=True)


def combined(left, right):
    """The product in the dihedral group of order ten, by which Verhoeff's check digits go."""
    if left < 5:
        return (left + right) % 5 + (5 if right >= 5 else 0)
    return (left - right) % 5 + (5 if right < 5 else 0)


def vid(number):
    """An invented VID with a right check digit."""
    digits = f"29{number:013d}"
    for last in range(10):
        total = 0
        for place, digit in enumerate(reversed(f"{digits}{last}")):
            moved = int(digit)
            for _ in range(place % 8):
                moved = MOVED[moved]
            total = combined(total, moved)
        if total == 0:
            return f"{digits}{last}"
    raise AssertionError("every number has a check digit")


class Odoo:
    """One database, as an administrator."""

    def __init__(self, url, database, logins):
        common = proxy(url, "common")
        for login in logins:
            name, _, password = login.partition(":")
            user = common.authenticate(database, name, password, {})
            if user:
                self.login = (database, user, password)
                self.object = proxy(url, "object")
                return
        sys.exit("none of ODOO_LOGINS is let in")

    def call(self, model, method, *values, **named):
        return self.object.execute_kw(*self.login, model, method, list(values), named)

    def first(self, model, domain):
        found = self.call(model, "search", domain, limit=1, context={"active_test": False})
        return found[0] if found else None

    def named(self, module, name):
        """The record that an addon knows by this name."""
        domain = [("module", "=", module), ("name", "=", name)]
        return self.call("ir.model.data", "search_read", domain, ["res_id"], limit=1)[0]["res_id"]

    def there(self, model, domain, values):
        """The record that is there, or a new one."""
        return self.first(model, domain) or self.call(model, "create", [values])[0]


def reachable(url, database, logins):
    """Odoo answers some time before its database and the addon are there."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            odoo = Odoo(url, database, logins)
            if odoo.first("ir.module.module", [("name", "=", "g2p_omc"), ("state", "=", "installed")]):
                return odoo
            trouble = "the addon g2p_omc is not installed"
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            trouble = type(error).__name__
        if time.monotonic() > end:
            sys.exit(f"Odoo is not ready: {trouble}")
        print(f"waiting for Odoo: {trouble}", flush=True)
        time.sleep(PAUSE)


def main():
    setting = os.environ
    odoo = reachable(setting["ODOO_URL"], setting["ODOO_DATABASE"], setting["ODOO_LOGINS"].split())

    login = setting["OMC_LOGIN"]
    groups = [odoo.named("g2p_omc", "group_omc_daemon"), odoo.named("base", "group_user")]
    account = {"name": "OMC daemon", "login": login, "password": setting["OMC_PASSWORD"], "groups_id": [(6, 0, groups)]}
    odoo.there("res.users", [("login", "=", login)], account)

    # Where genders are records, an empty registry has none.
    if odoo.first("ir.model", [("model", "=", "gender.type")]):
        for gender in ("Female", "Male"):
            odoo.there("gender.type", [("code", "=", gender)], {"code": gender, "value": gender})
    vid_type, _ = (odoo.there("g2p.id.type", [("name", "=", name)], {"name": name}) for name in (VID_TYPE, TOKEN_TYPE))
    for number in range(1, REGISTRANTS + 1):
        name = f"Trial {number}"
        person = {
            "is_registrant": True,
            "is_group": False,
            "name": name.upper(),
            "given_name": name,
            "family_name": "Nobody",
            "gender": "Female" if number % 2 else "Male",
            "birthdate": f"{1960 + number}-02-0{number % 9 + 1}",
            "address": f"{number} Sample Street, Exampleville",
            "reg_ids": [(0, 0, {"id_type": vid_type, "value": vid(number), "status": "valid"})],
        }
        odoo.there("res.partner", [("name", "=", person["name"])], person)

    if not odoo.first("omc.connector", []):
        connector = odoo.call("omc.connector", "create", [{"name": "Trial", "mts_url": setting["MTS_URL"]}])
        odoo.call("omc.connector", "action_start", connector)
    print("ready")


if __name__ == "__main__":
    main()
