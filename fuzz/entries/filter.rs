//! Filters: Odoo domains, as JSON or as Python literals.

use omc::domain::filter::{Filter, FilterError, LiteralError};
use omc::store::codec;

/// # Panics
/// Where the reader does, a filter does not come back as it was, or an error quotes a number of it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Filter::parse(text) {
        Ok(filter) => {
            match Filter::parse(&filter.to_json().to_string()) {
                Ok(again) => assert_eq!(again, filter),
                // In Python 1e30 is a float and 10**30 is none; in JSON nobody can tell, so that it is refused there.
                Err(FilterError::Literal(LiteralError::LargeNumber)) => {}
                Err(error) => panic!("a filter cannot be read as OMC writes it: {error}"),
            }
            let stored = codec::encode(&filter).expect("a filter can be stored");
            assert_eq!(codec::decode::<Filter>(&stored).expect("and read back"), filter);
            let twice = Filter::all([filter.clone(), filter.clone()]);
            assert!(twice.fields().count() == 2 * filter.fields().count());
            assert!(filter.fields().all(|path| filter.mentions(path.split('.').next().unwrap_or_default())));
        }
        Err(error) => super::keeps_numbers_to_itself(&error, text),
    }
}
