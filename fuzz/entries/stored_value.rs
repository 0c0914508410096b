//! Values of the store. The first byte says which kind.

use omc::domain::batch::Batch;
use omc::domain::connector::Connector;
use omc::domain::record::Record;
use omc::domain::run::{Cursor, Run};
use omc::store::codec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// # Panics
/// Where reading does, what was read does not come back as it was, or an error quotes a number of it.
pub fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind {
        b'r' => comes_back::<Record>(bytes),
        b'b' => comes_back::<Batch>(bytes),
        b'u' => comes_back::<Run>(bytes),
        b'k' => comes_back::<Cursor>(bytes),
        b'c' => comes_back::<Connector>(bytes),
        _ => {}
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq>(bytes: &[u8]) {
    let value: T = match codec::decode(bytes) {
        Ok(value) => value,
        Err(error) => return super::keeps_numbers_to_itself(&error, &String::from_utf8_lossy(bytes)),
    };
    let stored = codec::encode(&value).expect("what was read can be written");
    let again: T = codec::decode(&stored).expect("what was written can be read");
    assert!(again == value, "another value came back");
}
