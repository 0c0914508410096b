//! What events are called.

use super::Event;

impl Event {
    /// The event's name, for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Met { .. } => "met",
            Self::Requeued => "opened again",
            Self::Left => "let go",
            Self::Refused { .. } => "refused",
            Self::Unchanged { .. } | Self::StillRefused => "refused as before",
            Self::KeyDiscarded => "told that its key is discarded",
            Self::Sent { .. } => "sent",
            Self::NotTaken { .. } => "handed back",
            Self::AnswerMissing { .. } => "missing an answer",
            Self::Token { .. } => "given a token",
            Self::Error { .. } => "given an error",
            Self::Written(_) => "written back",
        }
    }
}
