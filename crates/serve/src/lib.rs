//! Stage 6, serving: campaigns hold loaded models and answer in less than a millisecond.
//!
//! Takes solution versions (stage 5) and what users do now (stage 7, [`events`]). Gives campaigns (create, describe, list,
//! update, delete), recommendations and rankings ([`Serving`]), and the executor that loads a model before it serves
//! ([`DeployExecutor`]).
//! Must not know: the wire. The request path reads no database and no file: a campaign is one immutable loaded model that is
//! replaced as a whole.
//! Start reading at `serving` (the handle), then `recommending` and `answer` (the request path), `filter`, then `table` (what is loaded).

mod answer;
mod batch;
mod campaign;
mod deletion;
mod deploy;
pub mod filter;
mod following;
mod ids;
mod model;
mod recommender;
mod recommenders;
mod recommending;
mod request;
mod serving;
mod table;
mod words;

pub use batch::{
    BATCH_INFERENCE, BatchInferenceExecutor, BatchInferenceJob, BatchInferenceJobConfig, BatchInferenceJobMode, BatchInferenceJobView,
    BatchInferenceResult, BatchInput, BatchOutput, CreateBatchInferenceJob, S3Place,
};
pub use campaign::{
    Campaign, CampaignConfig, CampaignUpdate, CampaignView, CreateCampaign, EXCLUDE_SEEN_KEY, PenchantConfig, UpdateCampaign,
};
pub use deletion::{CreateDataDeletionJob, DELETE_DATA, DataDeletionExecutor, DataDeletionJob, DataDeletionJobView, DataDeletionReport};
pub use deploy::{DEPLOY, DeployExecutor, DeployResult};
pub use filter::{CreateFilter, Filter};
pub use recommender::{CreateRecommender, Recommender, RecommenderConfig, RecommenderUpdate, RecommenderView, UpdateRecommender};
pub use recommenders::{RECOMMENDER, RecommenderExecutor, RecommenderResult};
pub use request::{Explained, GetPersonalizedRanking, GetRecommendations, Promotion, Ranking, Recommendations, RecommendedItem};
pub use serving::Serving;

#[cfg(test)]
mod tests;
