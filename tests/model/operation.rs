//! What can happen, one thing at a time, and how likely.

use proptest::prelude::*;

/// A whole history.
#[derive(Debug, Clone)]
pub struct History {
    /// OMC's addon is installed in Odoo.
    pub door: bool,
    /// The two connectors go to one MTS each.
    pub two_mts: bool,
    /// The results of the first connector are fetched, not called in.
    pub download: bool,
    pub operations: Vec<Op>,
}

/// People, connectors and requests are meant by small numbers, taken modulo how many there are; requests from the newest back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The timetable is looked at, for both connectors.
    Tick,
    /// An administrator's Run now.
    Manual(u8),
    Pull(u8),
    Submit(u8),
    Write(u8),
    Reconcile,
    CleanUp(u8),
    Report(u8),
    /// All of these, once.
    Round,
    /// So many seconds pass.
    Pass(u16),
    /// The wall clock is set by so many minutes.
    SetWall(i32),
    /// What the next POST meets.
    NextPost(PostFault),
    /// The answer to a POST that is held goes out at last; or the connection breaks.
    Release(bool),
    /// MTS authenticates a request: `processed`, nothing delivered.
    Process(u8),
    /// MTS calls back for a request.
    Deliver(u8, Part, Twist),
    /// MTS's callbacks get lost.
    Drop(u8),
    /// MTS gives up delivering: `error_making_callback_request`.
    FailDelivery(u8),
    /// MTS starts anew; its queue is gone. `true`: its database too.
    MtsRestart(bool),
    /// The next question for the status of a request is answered so.
    NextStatus(StatusFault),
    /// The next file that is fetched looks so.
    NextFile(FileFault),
    Forge(Forgery, u8),
    /// What a call of the next step to Odoo meets, after so many other calls.
    NextOdoo(u8, OdooFault),
    /// Somebody edits a person between two calls of the next step.
    EditDuring(u8, u8, Edit),
    Edit(u8, Edit),
    /// Connector: 0 takes all, 1 the north, 2 the south.
    Filter(u8, u8),
    Stop(u8),
    Start(u8),
    /// Deleted in Odoo, and made anew.
    Replace(u8),
    /// MTS fails on every batch with this person.
    Poison(u8),
    /// Odoo fails on every read of this person.
    Unreadable(u8),
    Cure,
    Requeue,
    /// The daemon is killed; what it had not handed to the disk is lost. It starts again at once.
    Kill,
    /// It is killed when this has just happened.
    KillAt(Point),
    /// The machine goes down for so many seconds, and comes up with its clock so many minutes behind.
    Boot(u16, u16),
    /// Shut down and started in good order.
    Restart,
    /// Store and key are lost.
    LoseStore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostFault {
    /// Callbacks come before the answer.
    Early,
    /// The answer is withheld until released.
    Hold,
    CloseBefore,
    CloseAfter,
    ProxyBefore,
    ProxyAfter,
    GarbageAfter,
    /// MTS's own 500.
    Failed,
    Refused,
    TooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFault {
    /// 404 for a request that MTS knows.
    NotFound,
    Gateway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    Empty,
    Cut,
    /// 500: not on the disk.
    Missing,
    /// The connection breaks.
    Broken,
    /// Each row in another's place.
    Shuffled,
    /// A row is missing.
    Short,
}

/// Which results of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    All,
    First,
    Last,
    /// All, each by itself, the last first.
    Backwards,
}

/// How they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    Plain,
    Twice,
    /// An error of everybody's instead.
    System,
    /// An error that OMC does not know instead.
    Unknown,
    /// A second token beside the right one, after it.
    Disputed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// A right reference, and no bearer.
    NoBearer,
    /// The right bearer, and a reference that nobody made.
    Invented,
    /// The reference of one person made out to another.
    Altered,
    /// A token beside a failed authentication.
    FailedWithToken,
    /// Delivered to the other connector's address, with its bearer.
    WrongDoor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OdooFault {
    Before,
    After,
    CutAfter,
    Exception,
    GatewayBefore,
    GatewayAfter,
    /// Others hold the people; door only.
    Busy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    NewVid,
    RefusedVid,
    MalformedVid,
    FormerVid,
    TouchVid,
    SecondVid,
    RemoveVid,
    RightToken,
    ForeignToken,
    RemoveToken,
    Mend,
    Spoil,
    Archive,
    Restore,
    Move,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// MTS has the batch.
    Posted,
    /// A callback was acknowledged.
    Acknowledged,
    /// Odoo has carried a write out.
    Written,
}

fn edit() -> impl Strategy<Value = Edit> {
    use Edit::*;
    prop_oneof![
        3 => Just(NewVid), 1 => Just(RefusedVid), 1 => Just(MalformedVid), 2 => Just(FormerVid), 2 => Just(TouchVid),
        1 => Just(SecondVid), 1 => Just(RemoveVid), 2 => Just(RightToken), 1 => Just(ForeignToken), 1 => Just(RemoveToken),
        2 => Just(Mend), 1 => Just(Spoil), 1 => Just(Archive), 1 => Just(Restore), 1 => Just(Move), 1 => Just(Delete),
    ]
}

fn post_fault() -> impl Strategy<Value = PostFault> {
    use PostFault::*;
    prop_oneof![ 3 => Just(Early), 3 => Just(Hold), 1 => Just(CloseBefore), 2 => Just(CloseAfter), 1 => Just(ProxyBefore), 1 => Just(ProxyAfter), 1 => Just(GarbageAfter), 1 => Just(Failed), 1 => Just(Refused), 1 => Just(TooLarge) ]
}

fn file_fault() -> impl Strategy<Value = FileFault> {
    use FileFault::*;
    prop_oneof![Just(Empty), Just(Cut), Just(Missing), Just(Broken), Just(Shuffled), Just(Short)]
}

fn odoo_fault() -> impl Strategy<Value = OdooFault> {
    use OdooFault::*;
    prop_oneof![ 1 => Just(Before), 2 => Just(After), 1 => Just(CutAfter), 1 => Just(Exception), 1 => Just(GatewayBefore), 1 => Just(GatewayAfter), 1 => Just(Busy) ]
}

fn forgery() -> impl Strategy<Value = Forgery> {
    use Forgery::*;
    prop_oneof![Just(NoBearer), Just(Invented), Just(Altered), Just(FailedWithToken), Just(WrongDoor)]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![ 4 => Just(Part::All), 1 => Just(Part::First), 1 => Just(Part::Last), 1 => Just(Part::Backwards) ]
}

fn twist() -> impl Strategy<Value = Twist> {
    use Twist::*;
    prop_oneof![6 => Just(Plain), 2 => Just(Twice), 1 => Just(System), 1 => Just(Unknown), 1 => Just(Disputed)]
}

/// Seconds around what the daemon waits for: retries (8), a doubted 404 (10), looks (10), grace (60), answers (180 to 600).
fn seconds() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(1), 6 => Just(11), 3 => Just(61), 3 => Just(181), 1 => Just(601), 1 => Just(4000)]
}

fn minutes() -> impl Strategy<Value = i32> {
    prop_oneof![Just(-1440), Just(1440), Just(-10), Just(10), Just(-600_000), Just(600_000)]
}

pub fn op() -> impl Strategy<Value = Op> {
    use Op::*;
    let who = 0..6_u8;
    let job = || prop_oneof![4 => Just(0_u8), 2 => Just(1), 1 => 2..8_u8];
    let connector = 0..2_u8;
    prop_oneof![
        3 => Just(Tick),
        2 => connector.clone().prop_map(Manual),
        4 => connector.clone().prop_map(Pull),
        7 => connector.clone().prop_map(Submit),
        4 => connector.clone().prop_map(Write),
        5 => Just(Reconcile),
        2 => connector.clone().prop_map(CleanUp),
        1 => connector.clone().prop_map(Report),
        6 => Just(Round),
        9 => seconds().prop_map(Pass),
        2 => minutes().prop_map(SetWall),
        5 => post_fault().prop_map(NextPost),
        3 => any::<bool>().prop_map(Release),
        3 => job().prop_map(Process),
        12 => (job(), part(), twist()).prop_map(|(job, part, twist)| Deliver(job, part, twist)),
        2 => job().prop_map(Drop),
        2 => job().prop_map(FailDelivery),
        2 => any::<bool>().prop_map(MtsRestart),
        2 => prop_oneof![Just(StatusFault::NotFound), Just(StatusFault::Gateway)].prop_map(NextStatus),
        2 => file_fault().prop_map(NextFile),
        3 => (forgery(), job()).prop_map(|(forgery, job)| Forge(forgery, job)),
        4 => (0..4_u8, odoo_fault()).prop_map(|(nth, fault)| NextOdoo(nth, fault)),
        3 => (0..4_u8, who.clone(), edit()).prop_map(|(nth, who, edit)| EditDuring(nth, who, edit)),
        9 => (who.clone(), edit()).prop_map(|(who, edit)| Edit(who, edit)),
        1 => (connector.clone(), 0..3_u8).prop_map(|(connector, filter)| Filter(connector, filter)),
        1 => connector.clone().prop_map(Stop),
        1 => connector.clone().prop_map(Replace),
        2 => connector.prop_map(Start),
        1 => who.clone().prop_map(Poison),
        1 => who.prop_map(Unreadable),
        1 => Just(Cure),
        1 => Just(Requeue),
        2 => Just(Kill),
        3 => prop_oneof![Just(Point::Posted), Just(Point::Acknowledged), Just(Point::Written)].prop_map(KillAt),
        1 => (seconds(), prop_oneof![Just(0_u16), Just(10), Just(1440)]).prop_map(|(down, behind)| Boot(down, behind)),
        1 => Just(Restart),
        1 => Just(LoseStore),
    ]
}

/// What chance alone puts together too seldom: a batch goes out, something becomes of it, and meanwhile somebody is edited.
fn tale() -> impl Strategy<Value = Vec<Op>> {
    use Op::*;
    let who = || 0..6_u8;
    let connector = || 0..2_u8;
    let lost = prop_oneof![
        2 => Just(vec![FailDelivery(0), Reconcile]),
        1 => Just(vec![Pass(181), Reconcile, Pass(601), Reconcile]),
        1 => Just(vec![MtsRestart(true), Pass(11), Reconcile, Pass(11), Reconcile]),
        1 => Just(vec![Drop(0), Pass(11), Reconcile, Pass(61), Reconcile]),
    ];
    let late = (connector(), lost, who(), edit(), part(), twist(), any::<bool>()).prop_map(
        |(connector, lost, who, edit, part, twist, again)| {
            let mut tale = vec![Submit(connector)];
            tale.extend(lost);
            tale.extend([Edit(who, edit), Pass(11)]);
            tale.extend(again.then_some(Submit(connector)));
            tale.extend([Deliver(u8::from(again), part, twist), Write(connector)]);
            tale
        },
    );
    let written = (connector(), who(), edit(), 0..4_u8, odoo_fault(), any::<bool>()).prop_map(
        |(connector, who, edit, nth, fault, during)| {
            let meets = if during { EditDuring(nth, who, edit) } else { NextOdoo(nth, fault) };
            vec![
                Submit(connector),
                Deliver(0, Part::All, Twist::Plain),
                meets,
                Write(connector),
                Pass(11),
                Write(connector),
            ]
        },
    );
    let held = (connector(), who(), edit(), op(), any::<bool>()).prop_map(|(connector, who, edit, op, answered)| {
        let held = [NextPost(PostFault::Hold), Submit(connector), op, Edit(who, edit)];
        let over = [Deliver(0, Part::First, Twist::Plain), Release(answered), Reconcile, Write(connector)];
        [held, over].concat()
    });
    let clock = (connector(), minutes(), minutes(), seconds()).prop_map(|(connector, first, second, seconds)| {
        vec![
            SetWall(first),
            Submit(connector),
            SetWall(second),
            Pass(seconds),
            Reconcile,
            SetWall(-second),
            Reconcile,
            Round,
        ]
    });
    // Made at MTS, fetched whole or not, and somebody is edited or the daemon killed meanwhile.
    let fetched = (
        who(),
        edit(),
        file_fault(),
        twist(),
        prop_oneof![Just(Op::Round), Just(Kill), Just(KillAt(Point::Acknowledged))],
    )
        .prop_map(|(who, edit, fault, twist, op)| {
            vec![
                Submit(0),
                Deliver(0, Part::All, twist),
                NextFile(fault),
                Pass(11),
                Reconcile,
                Edit(who, edit),
                op,
                Pass(11),
                Reconcile,
                Write(0),
            ]
        });
    prop_oneof![4 => late, 3 => written, 2 => held, 1 => clock, 2 => fetched]
}

pub fn history() -> impl Strategy<Value = History> {
    let piece = prop_oneof![12 => op().prop_map(|op| vec![op]), 1 => tale()];
    let operations = prop::collection::vec(piece, 1..30).prop_map(|pieces| pieces.concat());
    (any::<bool>(), any::<bool>(), any::<bool>(), operations).prop_map(|(door, two_mts, download, mut operations)| {
        // Most of what can happen needs somebody to be under way.
        operations.insert(0, Op::Tick);
        operations.insert(1, Op::Pull(0));
        History { door, two_mts, download, operations }
    })
}
