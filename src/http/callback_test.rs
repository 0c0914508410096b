use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use super::*;
use crate::clock::ManualClock;
use crate::domain::batch::{Access, Batch, Status, Verdict};
use crate::domain::correlation::Correlation;
use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId, RunId};
use crate::domain::opaque::{Digest, Nonce};
use crate::domain::record::{HeldVid, RecordKey};
use crate::domain::transition::{Event, Occasion};
use crate::http::result;
use crate::seal::{DIGEST, Purpose};
use crate::store::Config;

const OURS: ConnectorId = ConnectorId(4);
const REFUSED: RegistrantId = RegistrantId(7);
const MISSING: RegistrantId = RegistrantId(8);
const GRACE: Duration = Duration::from_secs(60);

struct World {
    receiver: Receiver,
    clock: ManualClock,
    /// What deliveries said of MOSIP: that it works, or not.
    said: Arc<Mutex<Vec<bool>>>,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { path: folder.path().join("store"), key_file: folder.path().join("key") };
        let clock = ManualClock::at(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1000));
        let said = Arc::<Mutex<Vec<bool>>>::default();
        let hear = Arc::clone(&said);
        let hour = Duration::from_secs(3600);
        let receiver = Receiver {
            store: Store::open(&config, &["k"]).unwrap(),
            seal: Arc::new(Seal::fleeting().unwrap()),
            steady: Steady::resume(Arc::new(clock.clone()), None),
            backoff: Backoff::new(GRACE, GRACE, 3).unwrap(),
            patience: Patience { interval: Duration::from_secs(1), callback_grace: GRACE, stuck_after: hour },
            max_body: 1024,
            on_delivery: Arc::new(move |_, trouble| hear.lock().unwrap().push(trouble.is_none())),
            on_refusal: Arc::new(|_, _| {}),
            open_to_anybody: Arc::new(|_| false),
        };
        Self { receiver, clock, said, _folder: folder }
    }

    fn now(&self) -> DateTime<Utc> {
        self.receiver.steady.now()
    }

    /// One batch with both of them, as if it had just been sent.
    fn send(&self) {
        let (now, patience) = (self.now(), self.receiver.patience);
        let occasion = Occasion { now, wall: now, backoff: &self.receiver.backoff, jitter: 0.0 };
        let sent = self.receiver.store.change_now(|change| {
            change.admit(RunId::NONE, OURS, IdTypeId(2), &[REFUSED, MISSING], &occasion)?;
            let batch = change.new_batch_id();
            for registrant in [REFUSED, MISSING] {
                let vid =
                    HeldVid { row: RegIdRow(1), written: String::new(), digest: Digest([1; DIGEST]), also: Vec::new() };
                let Correlation { key, nonce, .. } = correlation(registrant);
                change.apply(key, Event::Sent { batch, line: 0, nonce, vid, data: Digest([2; DIGEST]) }, &occasion)?;
            }
            let url = Url::parse("http://mts.example").unwrap();
            change.put_batch(Batch::sent(batch, OURS, url, 2, Access::default(), GRACE, &patience, now));
            Ok(())
        });
        sent.unwrap();
    }

    /// MTS says that it is through with the batch.
    fn processed(&self) -> Verdict {
        let (now, patience) = (self.now(), self.receiver.patience);
        let judged = self.receiver.store.change_now(|change| {
            let mut batch = change.batches_at(&Url::parse("http://mts.example").unwrap()).remove(0);
            let verdict = batch.judge(Status::Processed, false, &patience, now);
            change.put_batch(batch);
            Ok(verdict)
        });
        judged.unwrap()
    }

    async fn deliver(&self, mut result: serde_json::Value) {
        let correlation = correlation(REFUSED);
        result["omc_ref"] =
            json!(correlation.to_text(self.receiver.seal.mac(Purpose::Correlation, &correlation.signed())));
        take(&self.receiver, OURS, result::results(result.to_string().as_bytes(), OURS, &self.receiver.seal).unwrap())
            .await
            .unwrap();
    }

    async fn deliver_refusal(&self) {
        self.deliver(json!({"status": "error", "code": "IDA-MLC-002"})).await;
    }
}

fn correlation(registrant: RegistrantId) -> Correlation {
    let nonce = Nonce([u8::try_from(registrant.0).unwrap(); 12]);
    Correlation { connector: OURS, key: RecordKey { token_type: IdTypeId(2), registrant }, nonce }
}

/// What was taken before is no sign that MTS still delivers: whoever sends it again and again would have the rest of its batch
/// waited for without end.
#[tokio::test]
async fn a_repeat_does_not_keep_its_batch_waiting() {
    let world = World::new();
    world.send();
    assert_eq!(world.processed(), Verdict::Wait);
    world.clock.advance(GRACE / 2);
    world.deliver_refusal().await;
    world.clock.advance(GRACE * 3 / 4);
    world.deliver_refusal().await;
    assert_eq!(world.processed(), Verdict::Wait, "the first of them was news");
    world.clock.advance(GRACE / 2);
    world.deliver_refusal().await;
    assert!(matches!(world.processed(), Verdict::Lost(_)), "the others were not");
}

/// Else whoever repeats an old delivery while MOSIP refuses everybody has OMC believe, and tell, that it does not.
#[tokio::test]
async fn a_repeat_does_not_tell_that_mosip_works() {
    let world = World::new();
    world.send();
    let token = json!({"status": "processed", "token": "T1"});
    world.deliver(token.clone()).await;
    assert_eq!(*world.said.lock().unwrap(), [true]);
    world.deliver(token.clone()).await;
    world.deliver(token).await;
    assert_eq!(*world.said.lock().unwrap(), [true]);
}
