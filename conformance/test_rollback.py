"""The way back of a campaign: an operation of ours, beside what AWS's clients see of it."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from waiting import until_active


def rollback(clients, campaign):
    """Signed as any other, unknown to botocore's model."""
    body = json.dumps({"campaignArn": campaign}).encode()
    headers = {"X-Amz-Target": "AmazonPersonalize.PenchantRollbackCampaign", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", clients.endpoint + "/", data=body, headers=headers)
    SigV4Auth(clients.session.get_credentials(), "personalize", "us-east-1").add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(clients.endpoint + "/", data=body, headers=dict(request.headers))) as answer:
        return json.loads(answer.read())


def test_a_campaign_goes_back_to_the_version_before(shop, clients, unique):
    personalize = clients.personalize
    second = personalize.create_solution_version(solutionArn=shop.solution)["solutionVersionArn"]
    until_active(lambda: personalize.describe_solution_version(solutionVersionArn=second)["solutionVersion"])
    campaign = personalize.create_campaign(name=unique, solutionVersionArn=shop.version)["campaignArn"]

    def described():
        return personalize.describe_campaign(campaignArn=campaign)["campaign"]

    until_active(described)
    with pytest.raises(urllib.error.HTTPError) as refused:
        rollback(clients, campaign)
    assert "there is nothing to go back to" in refused.value.read().decode()
    personalize.update_campaign(campaignArn=campaign, solutionVersionArn=second)
    until_active(lambda: described()["latestCampaignUpdate"])
    assert described()["solutionVersionArn"] == second
    assert rollback(clients, campaign) == {"campaignArn": campaign, "solutionVersionArn": shop.version}
    until_active(lambda: described()["latestCampaignUpdate"])
    assert described()["solutionVersionArn"] == shop.version
    assert set(described()["latestCampaignUpdate"]) == {
        "solutionVersionArn", "minProvisionedTPS", "campaignConfig", "status", "creationDateTime", "lastUpdatedDateTime",
    }
    personalize.delete_campaign(campaignArn=campaign)
