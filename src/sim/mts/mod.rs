//! A simulator of the MOSIP Token Seeder, releases 1.1 and 1.0.1.
