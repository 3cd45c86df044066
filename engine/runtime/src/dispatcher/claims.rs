//! Which claims the disk may not have yet.

use std::collections::HashSet;

use smallcode_core::run::NodeId;

use crate::journal::{Commit, JournalError};

/// Claims on their way to the disk.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Whether a command starts that is claimed in this batch.
    fresh: bool,
    /// Whether a command starts that was claimed ahead.
    begun: bool,
    /// Claims made before they are needed.
    ahead: HashSet<NodeId>,
    /// The append that they stand in, once it is made.
    commit: Option<Commit>,
}

impl Claims {
    /// A node starts that this batch claims.
    pub(super) fn claim(&mut self) {
        self.fresh = true;
    }

    /// A node starts that was claimed before.
    pub(super) fn begin(&mut self, node: &NodeId) {
        self.begun |= self.ahead.contains(node);
    }

    /// Whether the last claims that were made ahead are known to be on the disk.
    pub(super) fn may_go_ahead(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Claims nodes in this batch that start later.
    pub(super) fn go_ahead(&mut self, nodes: &[NodeId]) {
        self.ahead.extend(nodes.iter().cloned());
    }

    /// The batch was appended, and nobody waits for it: the disk is asked for what it claims ahead. Gives the
    /// append back where it claims nothing.
    pub(super) fn appended(&mut self, commit: Commit) -> Option<Commit> {
        if self.ahead.is_empty() || self.commit.is_some() {
            return Some(commit);
        }
        commit.request();
        self.commit = Some(commit);
        None
    }

    /// Whether the batch must be on the disk before what it starts begins.
    pub(super) fn wait(&self) -> bool {
        self.fresh || self.begun
    }

    /// Everything that was claimed is on the disk.
    pub(super) fn durable(&mut self) {
        *self = Self::default();
    }

    /// Waits for what an earlier batch claimed ahead, where something of it starts now.
    pub(super) async fn settled(&mut self) -> Result<(), JournalError> {
        if self.begun
            && let Some(commit) = self.commit.take()
        {
            commit.await?;
            self.begun = false;
            self.ahead.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    fn node(name: &str) -> NodeId {
        NodeId::new(name)
    }

    #[test]
    fn a_start_waits_for_a_claim_of_its_own_batch() {
        let mut claims = Claims::default();
        claims.claim();
        assert!(claims.wait());
        claims.durable();
        assert!(!claims.wait());
        // Two start at once, and the first has claimed the second ahead.
        claims.go_ahead(&[node("b")]);
        claims.begin(&node("b"));
        assert!(claims.wait());
    }

    #[tokio::test]
    async fn what_is_claimed_ahead_is_waited_for_when_it_starts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::<u32>::create(folder.path()).unwrap();
        let mut claims = Claims::default();
        claims.go_ahead(&[node("b"), node("c")]);
        assert!(!claims.may_go_ahead() && !claims.wait());
        assert!(claims.appended(journal.append(&[(0, 1)]).unwrap()).is_none());
        // Others start, and their appends are not those of the claims.
        claims.begin(&node("a"));
        assert!(!claims.wait());
        assert!(claims.appended(journal.append(&[(0, 2)]).unwrap()).is_some());
        claims.begin(&node("b"));
        assert!(claims.wait());
        claims.settled().await.unwrap();
        assert!(!claims.wait() && claims.may_go_ahead());
        assert_eq!(journal.stats().commits, 1, "the claims are on the disk");
    }
}
