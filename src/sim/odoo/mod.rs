//! A simulator of Odoo 17 with OpenG2P's registry.
