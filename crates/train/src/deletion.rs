//! Users leave: trained models forget what they did. The weights stay as they were learned.

use bytes::Bytes;
use dataset::{Deletion, Leavers, ModelWithout};
use domain::{Arn, Error, ErrorKind, Result};

use crate::bundle::{Bundle, MANIFEST_FILE, MODEL_FILE, SERVING_FILE};
use crate::training::Training;
use crate::version::TrainedModel;

impl Training {
    /// Takes the users out of the histories of every trained model of the deletion's group: each model gets new files, to which its
    /// record points from one transaction on that also marks it and notes the old files in the deletion. Gives the deletion as
    /// it is then. Called again after a crash it goes on with the models that still know somebody.
    pub async fn delete_users(&self, deletion: &Deletion, leavers: &Leavers) -> Result<Deletion> {
        for trained in self.store().list::<TrainedModel>().await? {
            if trained.dataset_group_arn == deletion.dataset_group_arn {
                self.delete_users_of(trained.value, deletion, leavers).await?;
            }
        }
        Ok(self.store().get::<Deletion>(&deletion.run.to_string()).await?.value)
    }

    async fn delete_users_of(&self, trained: TrainedModel, deletion: &Deletion, leavers: &Leavers) -> Result<()> {
        let read = async |name: &str| self.artifacts().read(&format!("{}/{name}", trained.artifacts)).await;
        let (serving, leavers) = (read(SERVING_FILE).await?, leavers.clone());
        let rewrite = move || {
            let bundle = Bundle::load(&serving)?;
            let Some((without, users, events)) = bundle.without(|user| leavers.named(user))? else { return Ok(None) };
            Ok(Some((without.save()?, users, events)))
        };
        let rewritten: Result<_> =
            tokio::task::spawn_blocking(rewrite).await.map_err(|e| Error::internal("The rewriting of histories broke off.").source(e))?;
        let Some((serving, users, events)) = rewritten? else { return Ok(()) };
        let arn = &trained.solution_version_arn;
        let prefix = format!("models/{}-{}", deletion.run, arn.id().replace('/', "-"));
        for name in [MODEL_FILE, MANIFEST_FILE] {
            self.artifacts().write(&format!("{prefix}/{name}"), read(name).await?).await?;
        }
        self.artifacts().write(&format!("{prefix}/{SERVING_FILE}"), Bytes::from(serving)).await?;
        match self
            .point_at(arn, &trained.artifacts, &prefix, deletion, ModelWithout { solution_version_arn: arn.clone(), users, events })
            .await
        {
            // The version was deleted meanwhile, and its files with it.
            Err(error) if error.kind == ErrorKind::NotFound => self.artifacts().delete(&prefix).await,
            done => done,
        }
    }

    async fn point_at(&self, arn: &Arn, old: &str, new: &str, deletion: &Deletion, without: ModelWithout) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let users = without.users;
        tx.update::<TrainedModel>(arn.as_str(), |model| {
            model.artifacts = new.to_owned();
            model.deleted_users += users;
            Ok(())
        })
        .await?;
        tx.update::<Deletion>(&deletion.run.to_string(), |deletion| {
            deletion.models.push(without);
            deletion.gone.insert(old.to_owned());
            Ok(())
        })
        .await?;
        tx.commit().await
    }
}
