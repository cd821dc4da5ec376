"""The customer's way of personalize_flow.py on MovieLens 100K, and what a two-taste shop shows beyond it."""

import pytest
from botocore.exceptions import ClientError

import personalize_flow
import two_tastes
from movielens import load
from waiting import until, until_active


def test_movielens_100k_from_csv_to_recommendations(clients, server, shared_data):
    archive = shared_data and shared_data / "ml-100k" / "ml-100k.zip"
    if not archive or not archive.is_file():
        pytest.skip("not run: ../shared/data/ml-100k/ml-100k.zip is absent")
    figures = personalize_flow.Flow(clients, load(archive)).run()
    assert figures["csvToFirstRecommendationSeconds"] > 0


def test_recommendations_follow_each_users_taste(shop, server):
    for user, colour in ("user-0", "red"), ("user-1", "blue"):
        items = shop.recommend(user)
        assert two_tastes.count(items, colour) >= 8, (user, items)


def test_describe_gives_back_what_was_created(clients, shop, server):
    personalize = clients.personalize
    group = personalize.describe_dataset_group(datasetGroupArn=shop.group)["datasetGroup"]
    assert (group["name"], group["status"], group["datasetGroupArn"]) == (shop.name, "ACTIVE", shop.group)
    dataset = personalize.describe_dataset(datasetArn=shop.dataset)["dataset"]
    assert (dataset["datasetType"].upper(), dataset["datasetGroupArn"]) == ("INTERACTIONS", shop.group)
    solution = personalize.describe_solution(solutionArn=shop.solution)["solution"]
    assert (solution["recipeArn"], solution["performAutoTraining"]) == (two_tastes.RECIPE, False)
    version = personalize.describe_solution_version(solutionVersionArn=shop.version)["solutionVersion"]
    assert version["solutionVersionArn"].startswith(f"{shop.solution}/")
    assert (version["solutionArn"], version["datasetGroupArn"], version["trainingMode"]) == (shop.solution, shop.group, "FULL")
    campaign = personalize.describe_campaign(campaignArn=shop.campaign)["campaign"]
    assert (campaign["solutionVersionArn"], campaign["minProvisionedTPS"]) == (shop.version, 1)
    tracker = personalize.describe_event_tracker(eventTrackerArn=shop.tracker)["eventTracker"]
    assert (tracker["trackingId"], tracker["datasetGroupArn"]) == (shop.tracking, shop.group)
    for described in (group, dataset, solution, version, campaign, tracker):
        assert described["creationDateTime"] <= described["lastUpdatedDateTime"]


def test_recipes_are_listed_and_described(clients, server):
    recipes = personalize_flow.pages(clients.personalize, "list_recipes", "recipes", recipeProvider="SERVICE")
    arns = {recipe["recipeArn"] for recipe in recipes}
    assert {personalize_flow.RECIPE, personalize_flow.POPULARITY, personalize_flow.RANKING} <= arns
    recipe = clients.personalize.describe_recipe(recipeArn=personalize_flow.POPULARITY)["recipe"]
    assert (recipe["name"], recipe["status"]) == ("aws-popularity-count", "ACTIVE")


def trained(clients, shop, name, **arguments):
    """A campaign of a new solution, and the solution."""
    personalize = clients.personalize
    solution = personalize.create_solution(name=name, datasetGroupArn=shop.group, performAutoTraining=False, **arguments)["solutionArn"]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    until_active(lambda: personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
    campaign = personalize.create_campaign(name=name, solutionVersionArn=version)["campaignArn"]
    until_active(lambda: personalize.describe_campaign(campaignArn=campaign)["campaign"])
    return campaign, solution


def test_similar_items_are_asked_with_an_item(clients, shop, unique, server):
    campaign, _ = trained(clients, shop, unique, recipeArn="arn:aws:personalize:::recipe/aws-sims")
    red = next(item for item in shop.recommend("user-0") if item.startswith("red"))
    found = clients.runtime.get_recommendations(campaignArn=campaign, itemId=red, numResults=5)["itemList"]
    assert two_tastes.count([entry["itemId"] for entry in found], "red") == 5 and red not in [entry["itemId"] for entry in found], found
    assert all("score" not in entry for entry in found)
    unknown = clients.runtime.get_recommendations(campaignArn=campaign, itemId="never seen", numResults=5)["itemList"]
    assert [entry["reason"] for entry in unknown] == [["Popular item"]] * 5
    with pytest.raises(ClientError, match="itemId is required by recipe aws-sims"):
        clients.runtime.get_recommendations(campaignArn=campaign, userId="user-0")
    with pytest.raises(ClientError, match="puts no lists in order"):
        clients.runtime.get_personalized_ranking(campaignArn=campaign, userId="user-0", inputList=[red])


def test_an_automatic_choice_serves_and_names_its_recipe(clients, shop, unique, server):
    campaign, solution = trained(clients, shop, unique, performAutoML=True)
    described = clients.personalize.describe_solution(solutionArn=solution)["solution"]
    assert described["performAutoML"] and described["autoMLResult"]["bestRecipeArn"].startswith("arn:aws:personalize:::recipe/")
    found = clients.runtime.get_recommendations(campaignArn=campaign, userId="user-0", numResults=5)["itemList"]
    assert two_tastes.count([entry["itemId"] for entry in found], "red") >= 4, found
    assert all(entry["score"] > 0 for entry in found)


def test_a_campaign_serves_a_new_version_after_an_update(clients, shop, unique, server):
    personalize = clients.personalize
    made = personalize.create_solution(
        name=unique, datasetGroupArn=shop.group, recipeArn=personalize_flow.POPULARITY, performAutoTraining=False
    )["solutionArn"]
    version = personalize.create_solution_version(solutionArn=made)["solutionVersionArn"]
    until_active(lambda: personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
    campaign = personalize.create_campaign(name=unique, solutionVersionArn=shop.version)["campaignArn"]
    until_active(lambda: personalize.describe_campaign(campaignArn=campaign)["campaign"])
    ask = lambda: clients.runtime.get_recommendations(campaignArn=campaign, userId="user-0", numResults=10)["itemList"]
    personal = [entry["itemId"] for entry in ask()]
    assert personal == shop.recommend("user-0")
    personalize.update_campaign(campaignArn=campaign, solutionVersionArn=version)

    def updated():
        described = personalize.describe_campaign(campaignArn=campaign)["campaign"]
        return described["solutionVersionArn"] == version and described["status"] == "ACTIVE" and described

    until("the update of the campaign", updated)
    popular = [entry["itemId"] for entry in ask()]
    assert popular != personal
    assert two_tastes.count(popular, "red") < 8 and two_tastes.count(popular, "blue") < 8, popular
    personalize.delete_campaign(campaignArn=campaign)


def test_tags_are_listed_changed_and_gone(clients):
    personalize = clients.personalize
    tag = {"tagKey": "team", "tagValue": "data"}
    arn = personalize.create_dataset_group(name="tagged", tags=[tag])["datasetGroupArn"]
    personalize.tag_resource(resourceArn=arn, tags=[{"tagKey": "cost", "tagValue": "7"}])
    assert personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [{"tagKey": "cost", "tagValue": "7"}, tag]
    personalize.untag_resource(resourceArn=arn, tagKeys=["cost"])
    assert personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [tag]
    personalize.delete_dataset_group(datasetGroupArn=arn)
    with pytest.raises(personalize.exceptions.ResourceNotFoundException):
        personalize.list_tags_for_resource(resourceArn=arn)


def test_a_solution_trains_by_itself_and_its_campaign_follows(clients, unique, server):
    personalize = clients.personalize
    group, dataset = two_tastes.make_dataset(clients, unique)
    two_tastes.import_text(clients, unique, dataset, two_tastes.interactions())
    config = {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}}
    solution = personalize.create_solution(
        name=unique, datasetGroupArn=group, recipeArn=two_tastes.RECIPE, performAutoTraining=True, solutionConfig=config
    )["solutionArn"]

    def versions():
        return personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]

    def trained(version):
        return until_active(lambda: personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"])

    # The installation looks once a minute.
    first = until("a training that nobody asked for", versions, timeout_s=120)[0]["solutionVersionArn"]
    found = trained(first)
    assert (found["trainingType"], found["trainingMode"]) == ("AUTOMATIC", "FULL")
    personalize.update_solution(solutionArn=solution, performAutoTraining=False)
    described = personalize.describe_solution(solutionArn=solution)["solution"]
    assert (described["performAutoTraining"], described["solutionConfig"]) == (False, config)

    campaign = personalize.create_campaign(
        name=unique, solutionVersionArn=f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True}
    )["campaignArn"]

    def serves():
        return until_active(lambda: personalize.describe_campaign(campaignArn=campaign)["campaign"])["solutionVersionArn"]

    assert serves() == first
    with pytest.raises(ClientError) as refused:
        personalize.create_solution_version(solutionArn=solution, trainingMode="UPDATE")
    assert "no new data" in str(refused.value)
    two_tastes.import_text(clients, f"{unique}-more", dataset, two_tastes.interactions(users=90), importMode="INCREMENTAL")
    update = personalize.create_solution_version(solutionArn=solution, trainingMode="UPDATE")["solutionVersionArn"]
    assert trained(update)["trainingMode"] == "UPDATE"
    full = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert trained(full)["trainingType"] == "MANUAL"
    until("the campaign's newer version", lambda: serves() == full, timeout_s=120)
    runtime = clients.runtime
    items = [entry["itemId"] for entry in runtime.get_recommendations(campaignArn=campaign, userId="user-0", numResults=10)["itemList"]]
    assert two_tastes.count(items, "red") > 5, items
