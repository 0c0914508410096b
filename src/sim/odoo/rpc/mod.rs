//! The services behind `/xmlrpc/2`: who may call, which method of which model, and what its arguments mean.

mod arguments;
mod methods;
mod model;
mod service;

pub use arguments::Arguments;
pub use service::{Server, Service, dispatch, execute, login};
