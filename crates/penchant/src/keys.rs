//! What an installation draws once, at its first start, and keeps in files of its own: the access key of its API, and the key that seals
//! the secrets of its connections. Of two processes that start first, one's draw is kept and both use it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use api::Credentials;
use connect::Secrets;
use domain::{Error, Result};
use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::StdRng;

/// Without this file sealed secrets cannot be read: back it up, apart from the rest.
const SECRET_KEY: &str = "secret.key";

/// The access key, as AWS's clients read it.
pub fn credentials(state: &Path) -> Result<Credentials> {
    let path = state.join("credentials");
    if let Some(found) = Credentials::read(&path)? {
        return Ok(found);
    }
    let drawn = Credentials::new(format!("AKIA{}", draw(16).to_uppercase()), draw(40))?;
    let own = state.join(format!("credentials-{}", draw(8)));
    drawn.write(&own)?;
    keep_first(&own, &path)?;
    Credentials::read(&path)?.ok_or_else(|| Error::internal("The credentials file is gone as soon as it was written."))
}

/// The key that seals secrets.
pub fn secrets(state: &Path) -> Result<Secrets> {
    let path = state.join(SECRET_KEY);
    if !path.exists() {
        let key: [u8; 32] = seed();
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let own = state.join(format!("{SECRET_KEY}-{}", draw(8)));
        let cannot = |e| Error::unavailable(format!("The key file {} cannot be written.", path.display())).source(e);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&own).map_err(cannot)?;
        file.write_all(format!("{digits}\n").as_bytes()).map_err(cannot)?;
        file.sync_all().map_err(cannot)?;
        keep_first(&own, &path)?;
    }
    Secrets::read(&path)
}

/// Gives `own` the name `path`, unless another process was faster.
fn keep_first(own: &Path, path: &Path) -> Result<()> {
    let cannot = |e: std::io::Error| Error::unavailable(format!("The file {} cannot be written.", path.display())).source(e);
    match fs::hard_link(own, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(cannot(error)),
        _ => fs::remove_file(own).map_err(cannot),
    }
}

/// So many letters and digits that nobody can foretell.
pub fn draw(count: usize) -> String {
    Alphanumeric.sample_string(&mut StdRng::from_seed(seed()), count)
}

/// Randomness of the operating system: the composition root is its one home.
#[allow(clippy::disallowed_methods, reason = "this is the composition root")]
pub fn seed<T>() -> T
where
    rand::distr::StandardUniform: rand::distr::Distribution<T>,
{
    rand::random()
}
