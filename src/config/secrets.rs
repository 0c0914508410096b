//! Secrets go past figment: it guesses types (a password of digits becomes a number) and prints values in its errors.

use std::path::{Path, PathBuf};

use figment::providers::{Data, Env, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;
use crate::access::{Given, SECRETS};
use crate::seal::{Exposure, Personal};

/// Section and key of each secret. Each may also be given as `<key>_file`.
const ODOO_PASSWORD: (&str, &str) = ("odoo", "password");
/// The section that has one secret, by one of the names in [`SECRETS`].
const MOSIP: &str = "mosip";
/// The list whose entries have a secret each.
const ACCESS: (&str, &str) = ("mts", "access");

/// What to do about secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Read,
    /// They are not even looked at.
    Passed,
}

pub(super) struct Found {
    pub odoo_password: Option<SecretString>,
    pub mosip: Option<Given>,
    /// Of each `[[mts.access]]`, in their order.
    pub access: Vec<Option<Given>>,
    /// Files that it was read from, and that every account of the machine can read.
    pub exposed: Vec<PathBuf>,
}

/// A provider's data with the secrets taken out.
pub(super) struct Plain {
    metadata: Metadata,
    data: Map<Profile, Dict>,
}

impl Provider for Plain {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(self.data.clone())
    }
}

/// Parts the secrets from the rest. The environment counts before the file, whose secret is then not even looked at.
pub(super) fn part(
    file: Option<Data<Toml>>,
    environment: Env,
    secrets: Secrets,
) -> Result<(Figment, Found), ConfigError> {
    let mut from_environment = plain(&environment)?;
    if remove(&mut from_environment, ACCESS.0, ACCESS.1).is_some() {
        // A list of tables with secrets in it is more than the environment can tell without guessing.
        return Err(ConfigError::Wrong(
            "OMC_MTS__ACCESS: write [[mts.access]] in the file, and its secret in a file of its own (`<key>_file`)"
                .to_owned(),
        ));
    }
    if secrets == Secrets::Passed {
        let mut figment = Figment::new();
        if let Some(file) = file {
            let mut plain = plain(&file)?;
            entries(&mut plain)?.iter_mut().for_each(pass);
            figment = figment.merge(without_any(plain));
        }
        let figment = figment.merge(without_any(from_environment));
        return Ok((figment, Found { odoo_password: None, mosip: None, access: Vec::new(), exposed: Vec::new() }));
    }
    let mut exposed = Vec::new();
    let mut password = outside(&environment, &mut from_environment, ODOO_PASSWORD, &mut exposed)?;
    let mut mosip = None;
    for key in SECRETS {
        let value = outside(&environment, &mut from_environment, (MOSIP, key), &mut exposed)?;
        only(&mut mosip, key, value)?;
    }
    let mut access = Vec::new();
    let mut figment = Figment::new();
    if let Some(file) = file {
        let mut plain = plain(&file)?;
        if password.is_none() {
            password = taken(&mut plain, ODOO_PASSWORD, &mut exposed)?;
        }
        if mosip.is_none() {
            for key in SECRETS {
                let value = taken(&mut plain, (MOSIP, key), &mut exposed)?;
                only(&mut mosip, key, value)?;
            }
        }
        let own = own_file(&plain);
        for (entry, number) in entries(&mut plain)?.iter_mut().zip(1..) {
            access.push(own_secret(entry, number, own.as_deref(), &mut exposed)?);
        }
        figment = figment.merge(without_any(plain));
    }
    let mosip = mosip.map(|(key, value)| Given { key, value: Personal::new(value.expose_secret().to_owned()) });
    // One file may hold several.
    exposed.sort();
    exposed.dedup();
    Ok((figment.merge(from_environment), Found { odoo_password: password, mosip, access, exposed }))
}

/// A secret of the environment: as it is, or in a file.
fn outside(
    environment: &Env,
    read: &mut Plain,
    (section, key): (&str, &str),
    exposed: &mut Vec<PathBuf>,
) -> Result<Option<SecretString>, ConfigError> {
    let in_file = file_of(read, (section, key), exposed)?;
    // figment has guessed at the value; only that it is there counts.
    remove(read, section, key);
    let variable = format!("OMC_{}__{}", section.to_uppercase(), key.to_uppercase());
    let given = std::env::var(&variable).ok().filter(|_| environment_is_read(environment, section, key));
    match (given, in_file) {
        (Some(_), Some(_)) => Err(ConfigError::Secret(format!("{section}.{key}"))),
        (Some(value), None) => Ok(Some(SecretString::from(value))),
        (None, secret) => Ok(secret),
    }
}

/// Takes the one secret of `[mosip]`: a second one is an error.
fn only(
    known: &mut Option<(&'static str, SecretString)>,
    key: &'static str,
    value: Option<SecretString>,
) -> Result<(), ConfigError> {
    let Some(value) = value else { return Ok(()) };
    match known.replace((key, value)) {
        None => Ok(()),
        Some(_) => Err(ConfigError::Secret(format!("{MOSIP}.{key}"))),
    }
}

fn environment_is_read(environment: &Env, section: &str, key: &str) -> bool {
    environment.iter().any(|(name, _)| name.as_str().eq_ignore_ascii_case(&format!("{section}.{key}")))
}

fn plain(provider: &impl Provider) -> Result<Plain, ConfigError> {
    let metadata = provider.metadata();
    let place = metadata.source.as_ref().map_or_else(String::new, |source| format!("{source}: "));
    let data = provider.data().map_err(|error| ConfigError::Wrong(format!("{place}{}", super::told(&error))))?;
    Ok(Plain { metadata, data })
}

/// A secret of the file: as the key, or in a file of its own.
fn taken(
    plain: &mut Plain,
    (section, key): (&str, &str),
    exposed: &mut Vec<PathBuf>,
) -> Result<Option<SecretString>, ConfigError> {
    let from_file = file_of(plain, (section, key), exposed)?;
    match (remove(plain, section, key), from_file) {
        (None, from_file) => Ok(from_file),
        (Some(Value::String(_, text)), None) => {
            exposed.extend(own_file(plain).filter(|path| Exposure::at(path) == Exposure::Everybody));
            Ok(Some(SecretString::from(text)))
        }
        _ => Err(ConfigError::Secret(format!("{section}.{key}"))),
    }
}

fn file_of(
    plain: &mut Plain,
    (section, key): (&str, &str),
    exposed: &mut Vec<PathBuf>,
) -> Result<Option<SecretString>, ConfigError> {
    let key = format!("{key}_file");
    let Some(value) = remove(plain, section, &key) else { return Ok(None) };
    read(value, format!("{section}.{key}"), exposed).map(|text| Some(SecretString::from(text)))
}

/// A secret that is in a file of its own.
fn read(path: Value, key: String, exposed: &mut Vec<PathBuf>) -> Result<String, ConfigError> {
    let Value::String(_, path) = path else { return Err(ConfigError::Secret(key)) };
    let path = PathBuf::from(path);
    if Exposure::at(&path) == Exposure::Everybody {
        exposed.push(path.clone());
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(cause) => Err(ConfigError::SecretFile { key, path, cause }),
    }
}

/// The file that a provider's data come from, if it is one.
fn own_file(plain: &Plain) -> Option<PathBuf> {
    plain.metadata.source.as_ref().and_then(|source| source.file_path()).map(Path::to_owned)
}

/// The entries of the list of accesses.
fn entries(plain: &mut Plain) -> Result<&mut [Value], ConfigError> {
    let (section, list) = ACCESS;
    let found = plain.data.values_mut().find_map(|dict| match dict.get_mut(section) {
        Some(Value::Dict(_, section)) => section.get_mut(list),
        _ => None,
    });
    match found {
        None => Ok(&mut []),
        Some(Value::Array(_, entries)) if entries.iter().all(|entry| matches!(entry, Value::Dict(..))) => Ok(entries),
        // Not shown: a secret may be in it.
        Some(_) => Err(ConfigError::Wrong(format!("{section}.{list}: write [[{section}.{list}]], with two brackets"))),
    }
}

/// Takes the secret out of an entry. There is one: each kind of access has one.
fn own_secret(
    entry: &mut Value,
    number: usize,
    own_file: Option<&Path>,
    exposed: &mut Vec<PathBuf>,
) -> Result<Option<Given>, ConfigError> {
    let Value::Dict(_, entry) = entry else { return Ok(None) };
    let (section, list) = ACCESS;
    let mut found = None;
    for key in SECRETS {
        let name = format!("{section}.{list}, entry {number}: {key}");
        let from_file = entry.remove(&format!("{key}_file"));
        let value = match (entry.remove(key), from_file) {
            (None, None) => continue,
            (None, Some(path)) => read(path, format!("{name}_file"), exposed)?,
            (Some(Value::String(_, text)), None) => {
                exposed.extend(own_file.filter(|path| Exposure::at(path) == Exposure::Everybody).map(Path::to_owned));
                text
            }
            _ => return Err(ConfigError::Secret(name)),
        };
        if found.replace(Given { key, value: Personal::new(value) }).is_some() {
            return Err(ConfigError::Secret(name));
        }
    }
    Ok(found)
}

/// Leaves an entry without its secret.
fn pass(entry: &mut Value) {
    if let Value::Dict(_, entry) = entry {
        for key in SECRETS {
            entry.remove(key);
            entry.remove(&format!("{key}_file"));
        }
    }
}

/// Leaves out the secrets of sections.
fn without_any(plain: Plain) -> Plain {
    let plain = without(plain, ODOO_PASSWORD);
    SECRETS.iter().fold(plain, |plain, key| without(plain, (MOSIP, key)))
}

fn without(mut plain: Plain, (section, key): (&str, &str)) -> Plain {
    remove(&mut plain, section, key);
    remove(&mut plain, section, &format!("{key}_file"));
    plain
}

fn remove(plain: &mut Plain, section: &str, key: &str) -> Option<Value> {
    let mut found = None;
    for dict in plain.data.values_mut() {
        if let Some(Value::Dict(_, section)) = dict.get_mut(section) {
            found = section.remove(key).or(found);
        }
    }
    found
}
