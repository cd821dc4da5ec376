//! Dead letters: so many of each target are kept, the youngest.

use domain::Result;
use store::{Stored, Tx};

use crate::delivery::{DeadLetter, DroppedLetters};

/// When there are too many, this share of them goes at once, so that not every letter after that has to be compared with all.
const SPARE: usize = 10;

/// Writes the letter. Where its target has more than `most` then, the oldest are dropped and counted.
pub(crate) async fn keep(tx: &mut Tx, letter: DeadLetter, most: usize) -> Result<()> {
    let (rule, target) = (letter.rule.clone(), letter.target.clone());
    tx.put(letter).await?;
    let known = tx.find::<DroppedLetters>(&DroppedLetters::key_of(&rule, &target)).await?.map(|stored| stored.value);
    let mut letters = match known {
        Some(letters) => letters,
        // There may be some from before they were counted.
        None => DroppedLetters { rule, target, dropped: 0, at_most: most },
    };
    letters.at_most += 1;
    if letters.at_most > most {
        drop_oldest(tx, &mut letters, most).await?;
    }
    tx.put(letters).await
}

async fn drop_oldest(tx: &mut Tx, letters: &mut DroppedLetters, most: usize) -> Result<()> {
    let mut there: Vec<Stored<DeadLetter>> = tx.children::<DeadLetter>(&letters.rule).await?;
    there.retain(|letter| letter.target == letters.target);
    letters.at_most = there.len();
    if there.len() <= most {
        return Ok(());
    }
    there.sort_by(|a, b| (b.at, b.created, &b.id).cmp(&(a.at, a.created, &a.id)));
    let kept = most - most / SPARE;
    for letter in &there[kept..] {
        tx.delete::<DeadLetter>(&letter.id).await?;
    }
    let dropped = there.len() - kept;
    letters.dropped += dropped as u64;
    letters.at_most = kept;
    tracing::warn!(
        rule = letters.rule,
        target = letters.target,
        "{dropped} dead letters were dropped, the oldest: there were more than {most} (limits.dead_letters_per_target); {} so far.",
        letters.dropped
    );
    Ok(())
}
