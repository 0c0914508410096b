//! Exit codes (of `sysexits.h` where it has one).

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::odoo::config::ConfigError as OdooConfigError;
use crate::seal::KeyError;
use crate::store::StoreError;
use crate::tls::FileError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done,
    Failed,
    /// Wrong usage of the command.
    Usage,
    /// Wrong configuration, or a store that cannot be gone on with: a new start does not help.
    Configuration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 64,
            Exit::Configuration => 78,
        })
    }
}

/// Tells a person what went wrong.
pub(super) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("omc: {error:#}");
    code(error).into()
}

fn code(error: &anyhow::Error) -> Exit {
    let wrong_configuration = error.chain().any(|cause| {
        let store = cause.downcast_ref::<StoreError>();
        cause.is::<ConfigError>()
            || cause.is::<OdooConfigError>()
            || cause.is::<KeyError>()
            || cause.is::<FileError>()
            || matches!(
                store,
                Some(
                    StoreError::OtherKey { .. }
                        | StoreError::NotOurs { .. }
                        | StoreError::Newer { .. }
                        | StoreError::Corrupt { .. }
                )
            )
    });
    if wrong_configuration { Exit::Configuration } else { Exit::Failed }
}
