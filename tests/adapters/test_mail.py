import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.mail import SesMail
from fieldlink.errors import Refused, Unavailable, Unclear
from tests.adapters.scripted import Answer, scripted
from tests.conftest import ROSAS_MAIL, SENDER, Pretended


def send(mail: SesMail) -> None:
    mail.send(to=ROSAS_MAIL, subject="Grüße", text="plain", html="<p>rich</p>")


def test_a_mail_has_sender_receiver_and_both_forms() -> None:
    with scripted(Answer(200, {"MessageId": "1"})) as script:
        send(SesMail(script.aws, SENDER))

    [asked] = script.asked
    assert (asked.method, asked.path) == ("POST", "/v2/email/outbound-emails")
    assert "/ses/aws4_request" in asked.headers["authorization"]
    assert asked.json == {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [ROSAS_MAIL]},
        "Content": {
            "Simple": {
                "Subject": {"Charset": "UTF-8", "Data": "Grüße"},
                "Body": {
                    "Text": {"Charset": "UTF-8", "Data": "plain"},
                    "Html": {"Charset": "UTF-8", "Data": "<p>rich</p>"},
                },
            }
        },
    }


def test_ses_sends_from_an_address_that_is_verified(aws: Pretended) -> None:
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)

    send(SesMail(Aws(aws.access), SENDER))


def test_ses_refuses_to_send_from_an_address_that_is_not_verified(aws: Pretended) -> None:
    with pytest.raises(Refused):
        send(SesMail(Aws(aws.access), SENDER))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(400, {"message": "no"}, {"x-amzn-ErrorType": "MessageRejected"}), Refused),
        (Answer(404, {}, {"x-amzn-ErrorType": "NotFoundException"}), Refused),
        (Answer(429, {}, {"x-amzn-ErrorType": "TooManyRequestsException"}), Unavailable),
        (Answer(400, {}, {"x-amzn-ErrorType": "LimitExceededException"}), Unavailable),
        (Answer(500, b""), Unclear),
        (Answer(reset=True), Unclear),
    ],
)
def test_what_ses_answers_says_whether_to_send_again(
    answer: Answer, error: type[Exception]
) -> None:
    with scripted(answer) as script:
        with pytest.raises(error) as caught:
            send(SesMail(script.aws, SENDER))

        assert type(caught.value) is error
        assert len(script.asked) == 1
