//! The server behind the HTTP: its database under one lock, its users, and a transaction for each call.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;

use super::super::Options;
use super::super::control::Dice;
use super::super::database::Database;
use super::super::door::{LASTS, Leases, Surroundings};
use super::super::fault::{Fault, Outcome};
use super::super::orm::{Context, Env};
use super::super::population::Census;
use super::super::wire::{Key, Value};
use super::arguments::Arguments;
use super::{methods, model};

/// The one database's name.
const DATABASE: &str = "omc";
/// The administrator's login and id.
pub const ADMIN: (&str, i32) = ("admin", 2);

/// Everything the server holds.
pub struct Server {
    pub options: Options,
    pub clock: Arc<dyn Clock>,
    pub census: Census,
    database: Mutex<Database>,
    dice: Mutex<Dice>,
    calls: Mutex<BTreeMap<String, u64>>,
    sessions: Mutex<HashSet<String>>,
    leases: Mutex<Leases>,
    /// When each transaction under way began.
    open: Mutex<Vec<i64>>,
}

/// A lock that a panic elsewhere does not take away.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub fn new(options: Options, clock: Arc<dyn Clock>, database: Database, census: Census) -> Self {
        Self {
            dice: Mutex::new(Dice::new(options.seed)),
            options,
            clock,
            census,
            database: Mutex::new(database),
            calls: Mutex::default(),
            sessions: Mutex::default(),
            leases: Mutex::default(),
            open: Mutex::default(),
        }
    }

    pub fn database(&self) -> MutexGuard<'_, Database> {
        lock(&self.database)
    }

    pub fn dice(&self) -> MutexGuard<'_, Dice> {
        lock(&self.dice)
    }

    pub fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.calls).clone()
    }

    pub fn sessions(&self) -> MutexGuard<'_, HashSet<String>> {
        lock(&self.sessions)
    }

    fn count(&self, call: String) {
        *lock(&self.calls).entry(call).or_default() += 1;
    }

    /// Runs one transaction. It begins now, waits for the lock, and is undone on a fault.
    pub fn transaction<T>(&self, uid: i32, context: Context, run: impl FnOnce(&mut Env) -> Outcome<T>) -> Outcome<T> {
        let begun = Begun::new(self);
        let faults = self.dice().faults;
        let mut db = self.database();
        let outcome = run(&mut Env {
            db: &mut db,
            now: begun.at,
            uid,
            context,
            racing: faults.race_token,
            unreadable: faults.unreadable,
        });
        match &outcome {
            Ok(_) => db.commit(),
            Err(_) => db.rollback_to(0),
        }
        outcome
    }

    fn surroundings(&self) -> Surroundings {
        let horizon = lock(&self.open).iter().copied().min().unwrap_or(0);
        let mut dice = self.dice();
        Surroundings { horizon, busy_rate: dice.faults.busy_rate, seed: dice.seed() }
    }
}

/// A transaction under way, known to the horizon until it is dropped.
struct Begun<'a> {
    server: &'a Server,
    at: i64,
}

impl<'a> Begun<'a> {
    fn new(server: &'a Server) -> Self {
        let mut open = lock(&server.open);
        let at = server.clock.now().timestamp_micros();
        open.push(at);
        Self { server, at }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut open = lock(&self.server.open);
        if let Some(position) = open.iter().position(|at| *at == self.at) {
            open.swap_remove(position);
        }
    }
}

/// The services of `/xmlrpc/2/{service}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Common,
    Object,
    Db,
}

impl Service {
    pub fn named(name: &str) -> Outcome<Self> {
        match name {
            "common" => Ok(Self::Common),
            "object" => Ok(Self::Object),
            "db" => Ok(Self::Db),
            other => Err(Fault::other("KeyError", format!("'{other}'"))),
        }
    }
}

/// Answers one call.
pub fn dispatch(server: &Server, service: Service, method: &str, params: Vec<Value>) -> Outcome<Value> {
    match (service, method) {
        (Service::Common, "version") => Ok(version()),
        (Service::Common, "about") => Ok("See http://openerp.com".into()),
        (Service::Common, "authenticate") => {
            server.count("common.authenticate".to_owned());
            exp_authenticate(server, &params, &["db", "login", "password", "user_agent_env"], "exp_authenticate")
        }
        (Service::Common, "login") => exp_authenticate(server, &params, &["db", "login", "password"], "exp_login"),
        (Service::Db, "list") => Ok(Value::Array(vec![DATABASE.into()])),
        (Service::Db, "db_exist") => Ok(Value::Bool(params.first().and_then(Value::as_text) == Some(DATABASE))),
        (Service::Db, "server_version") => Ok("17.0".into()),
        (Service::Common | Service::Db, other) => Err(Fault::other("Exception", format!("Method not found: {other}"))),
        (Service::Object, _) => object(server, method, params),
    }
}

fn version() -> Value {
    let info = vec![Value::Int(17), Value::Int(0), Value::Int(0), "final".into(), Value::Int(0), "".into()];
    Value::from([
        ("server_version", "17.0".into()),
        ("server_version_info", Value::Array(info)),
        ("server_serie", "17.0".into()),
        ("protocol_version", Value::Int(1)),
    ])
}

fn exp_authenticate(server: &Server, params: &[Value], names: &[&str], function: &str) -> Outcome<Value> {
    arity(params, names, function)?;
    database_exists(&params[0])?;
    let login = params[1].as_text().unwrap_or_default();
    let password = params[2].as_text().unwrap_or_default();
    Ok(authenticate(server, login, password).map_or(Value::Bool(false), Value::from))
}

fn arity(params: &[Value], names: &[&str], function: &str) -> Outcome<()> {
    if params.len() > names.len() {
        let (takes, given) = (names.len(), params.len());
        return Err(Fault::type_error(format!(
            "{function}() takes {takes} positional arguments but {given} were given"
        )));
    }
    let missing: Vec<String> = names[params.len()..].iter().map(|name| format!("'{name}'")).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(Fault::type_error(format!("{function}() missing 1 required positional argument: {one}"))),
        [first @ .., last] => {
            let joint = if first.len() == 1 { " and " } else { ", and " };
            let list = format!("{}{joint}{last}", first.join(", "));
            let count = missing.len();
            Err(Fault::type_error(format!("{function}() missing {count} required positional arguments: {list}")))
        }
    }
}

/// The user's id, or nothing. An empty password never fits.
pub fn authenticate(server: &Server, login: &str, password: &str) -> Option<i32> {
    (login == ADMIN.0 && !password.is_empty() && password == server.options.password).then_some(ADMIN.1)
}

/// Refuses a database that is not there, in PostgreSQL's words.
pub fn database_exists(name: &Value) -> Outcome<()> {
    let name = name.python_str();
    if name == DATABASE {
        return Ok(());
    }
    Err(Fault::other(
        "psycopg2.OperationalError",
        format!(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"{name}\" does not exist\n"
        ),
    ))
}

/// A login over the web: the same check, another name.
pub fn login(server: &Server, database: &str, login: &str, password: &str) -> Outcome<i32> {
    if database != DATABASE {
        return Err(Fault::access("Database not found."));
    }
    authenticate(server, login, password).ok_or_else(Fault::access_denied)
}

fn object(server: &Server, method: &str, params: Vec<Value>) -> Outcome<Value> {
    let mut params = params.into_iter();
    let (Some(database), Some(uid), Some(password)) = (params.next(), params.next(), params.next()) else {
        return Err(Fault::other("IndexError", "tuple index out of range"));
    };
    let uid = uid.as_int().or_else(|| uid.as_text().and_then(|text| text.parse().ok())).unwrap_or(0);
    let uid = i32::try_from(uid).unwrap_or(0);
    // An empty password is refused before anything is looked up.
    if !password.truthy() {
        return Err(Fault::access_denied());
    }
    database_exists(&database)?;
    if uid != ADMIN.1 {
        return Err(Fault::missing("res.users", &[uid], uid));
    }
    if password.as_text() != Some(&server.options.password) {
        return Err(Fault::access_denied());
    }
    let rest: Vec<Value> = params.collect();
    match method {
        "execute_kw" => {
            if rest.len() < 3 {
                arity(&rest, &["obj", "method", "args"], "execute_kw")?;
            }
            let mut rest = rest.into_iter();
            let target = (rest.next().unwrap_or(Value::Nil), rest.next().unwrap_or(Value::Nil));
            let placed = match rest.next() {
                Some(Value::Array(items)) => items,
                Some(other) => {
                    let kind = other.python_type();
                    return Err(Fault::type_error(format!(
                        "odoo.service.model.execute() argument after * must be an iterable, not {kind}"
                    )));
                }
                None => Vec::new(),
            };
            let named = match rest.next() {
                Some(Value::Struct(members)) => members,
                _ => Vec::new(),
            };
            execute(server, uid, &target.0.python_str(), &target.1.python_str(), placed, named)
        }
        "execute" => {
            if rest.len() < 2 {
                arity(&rest, &["obj", "method"], "execute")?;
            }
            let mut rest = rest.into_iter();
            let target = (rest.next().unwrap_or(Value::Nil), rest.next().unwrap_or(Value::Nil));
            execute(server, uid, &target.0.python_str(), &target.1.python_str(), rest.collect(), Vec::new())
        }
        other => Err(Fault::other("NameError", format!("Method not available {other}"))),
    }
}

/// Runs a method of a model in a transaction of its own.
pub fn execute(
    server: &Server,
    uid: i32,
    name: &str,
    method: &str,
    placed: Vec<Value>,
    named: Vec<(Key, Value)>,
) -> Outcome<Value> {
    if method.starts_with('_') || method == "init" {
        return Err(Fault::access(format!("Private methods (such as {method}) cannot be called remotely.")));
    }
    server.count(format!("{name}.{method}"));
    let mut arguments = Arguments::new(&format!("{}.{method}", class_name(name, method)), placed, named);
    let given = arguments.take_named("context");
    let context = Context::from_value(given.as_ref());
    let daemon = given.as_ref().and_then(|given| given.get("omc_daemon")).map(Value::python_str);
    let leased = match (&daemon, name, method, arguments.first_id()) {
        (
            Some(daemon),
            "omc.connector",
            "omc_pull" | "omc_apply" | "omc_duplicates" | "omc_holders" | "omc_report" | "omc_alarm",
            Some(connector),
        ) => {
            let now = server.clock.now().timestamp_micros();
            let lasts = server.dice().faults.lease_ms.map_or(LASTS, |milliseconds| milliseconds as i64 * 1000);
            lock(&server.leases).take(connector, daemon, now, lasts)?;
            let released = method == "omc_report" && arguments.asks_for("release");
            released.then_some((connector, daemon))
        }
        _ => None,
    };
    let result = server.transaction(uid, context, |env| {
        let Some(target) = env.db.schema.model(name) else {
            return Err(Fault::user(format!("Object {name} doesn't exist")));
        };
        let around = server.surroundings();
        let found = model::call(env, target, method, &mut arguments, &around)
            .or_else(|| methods::call(env, target, method, &mut arguments));
        found.unwrap_or_else(|| {
            Err(Fault::other("AttributeError", format!("The method '{method}' does not exist on the model '{name}'")))
        })
    })?;
    if let Some((connector, daemon)) = leased {
        lock(&server.leases).release(connector, daemon);
    }
    // By now it is committed: the caller hears of a fault all the same.
    if result == Value::Nil { Err(Fault::none_returned()) } else { Ok(result) }
}

/// The Python class that defines the method, as `TypeError` names it.
fn class_name(model: &str, method: &str) -> &'static str {
    match (model, method) {
        ("res.partner", "write" | "create") => "Partner",
        _ => "BaseModel",
    }
}
