# Part of OMC. Licence LGPL-3.
{
    "name": "OMC: MOSIP Tokens for the Registry",
    "summary": "Has the MOSIP Token Seeder make tokens of registrants' VIDs, and keeps the tokens instead",
    "version": "17.0.1.0.0",
    "development_status": "Beta",
    "category": "G2P",
    "author": "OMC contributors",
    "website": "https://openg2p.org",
    "license": "LGPL-3",
    "depends": ["mail", "g2p_registry_base", "g2p_registry_individual"],
    "data": [
        "security/omc_groups.xml",
        "security/omc_rules.xml",
        "security/ir.model.access.csv",
        "data/ir_cron.xml",
    ],
    "uninstall_hook": "uninstall_hook",
    "application": True,
}
