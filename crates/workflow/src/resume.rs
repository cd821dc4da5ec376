//! Runs that begin where an earlier one went wrong.

use std::collections::BTreeSet;

use domain::{Error, Result};
use runs::RunId;

use crate::graph::{Graph, Resumed, steps_of};
use crate::model::{Condition, Trigger, Workflow};
use crate::view::node_id;
use crate::workflows::Workflows;

/// `("job", "items")`.
type Target = (String, String);

/// The run that goes on, and the nodes that it begins with.
#[derive(Debug)]
pub struct Resumption {
    pub run: RunId,
    pub nodes: Vec<String>,
}

impl Workflows {
    /// Runs the chosen nodes and all that follows them again, as a new run with the graph and properties of the old one; the rest is
    /// kept as it ended. Nodes that follow another chosen one run when their turn comes, and are not among those given back.
    ///
    /// # Errors
    /// `InvalidState` while the run is under way; `InvalidInput` for nodes that the run did not start.
    pub async fn resume_run(&self, workflow: &str, id: &RunId, chosen: &[String]) -> Result<Resumption> {
        let run = self.get_run(workflow, id).await?;
        if !run.state.is_final() {
            return Err(Error::invalid_state(format!(
                "Run {id} of workflow {workflow:?} can be resumed when it has ended: it is {}.",
                run.state
            )));
        }
        let mut graph: Graph = run.input()?;
        let done = self.nodes(&run, &graph).await?;
        let targets = chosen_targets(&graph.triggers, chosen)?;
        if let Some((what, name)) = targets.iter().find(|target| done.iter().all(|node| !is(target, &node.what, &node.name))) {
            return Err(Error::invalid_input(format!("Run {id} did not start {what} {name:?}: only what was started can run again.")));
        }
        let mut again = BTreeSet::new();
        for target in &targets {
            again.extend(following(&graph.triggers, target));
        }
        let first: Vec<&Target> = targets.iter().filter(|target| !again.contains(*target)).collect();
        let runs_again = |what: &str, name: &str| again.iter().chain(targets.iter()).any(|target| is(target, what, name));
        // A job may stand in several triggers; only where it ran does it run again at once.
        let ran: BTreeSet<String> = done.iter().map(|node| node.step.clone()).collect();
        let kept = done.into_iter().filter(|node| !runs_again(&node.what, &node.name)).collect();
        let begins = |what: &str, name: &str| first.iter().any(|target| is(target, what, name));
        let steps =
            graph.steps().filter(|(step, action)| ran.contains(step) && action.target().is_ok_and(|(what, name)| begins(what, name)));
        let again = steps.map(|(step, _)| step).collect();
        let nodes = first.iter().map(|(what, name)| node_id(what, name)).collect();
        graph.properties = self.run_properties(id, &graph).await?;
        graph.resumed = Some(Resumed { run: id.clone(), kept, again });
        let mut tx = self.store().begin().await?;
        let settings = tx.get::<Workflow>(workflow).await?.value;
        self.refuse_too_many(&mut tx, &settings).await?;
        let run = self.submit(&mut tx, graph, None).await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(Resumption { run, nodes })
    }
}

fn is(target: &Target, what: &str, name: &str) -> bool {
    target.0 == what && target.1 == name
}

/// What the node ids stand for; a trigger's stands for all that it starts.
fn chosen_targets(triggers: &[Trigger], chosen: &[String]) -> Result<BTreeSet<Target>> {
    let mut targets = BTreeSet::new();
    for id in chosen {
        let mut known = false;
        for trigger in triggers {
            let all = node_id("trigger", &trigger.name) == *id;
            for (what, name) in steps_of(trigger).filter_map(|(_, action)| action.target().ok()) {
                if all || node_id(what, name) == *id {
                    known = true;
                    targets.insert((what.to_owned(), name.to_owned()));
                }
            }
        }
        if !known {
            return Err(Error::invalid_input(format!(
                "The run has no node {id:?}; GetWorkflowRun with IncludeGraph shows their UniqueIds."
            )));
        }
    }
    if targets.is_empty() {
        return Err(Error::invalid_input("Resuming a run takes at least one node; found none."));
    }
    Ok(targets)
}

/// All that runs only after the target, over however many triggers.
fn following(triggers: &[Trigger], target: &Target) -> BTreeSet<Target> {
    let mut found = BTreeSet::new();
    let mut open = vec![target.clone()];
    while let Some(at) = open.pop() {
        for trigger in triggers {
            let conditions = trigger.predicate.iter().flat_map(|predicate| &predicate.conditions).filter_map(Condition::target);
            if !conditions.into_iter().any(|(what, name)| is(&at, what, name)) {
                continue;
            }
            for (what, name) in steps_of(trigger).filter_map(|(_, action)| action.target().ok()) {
                let next = (what.to_owned(), name.to_owned());
                if found.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    found
}
