"""A bucket named `calls` of a store that checks signatures: moto, whose first four requests need none.

The first line that it prints tells where it is and the key of one who may use it. For each line that it reads it prints
what is in the bucket: of each object the name, the size, the SHA-256 and how many parts it came in; and how many uploads
are open. It ends with its input.
"""

import hashlib
import json
import os
import sys

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://127.0.0.1:%d" % server.get_host_and_port()[1]


def client(service, key, secret):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


iam = client("iam", "nobody", "nothing")
iam.create_user(UserName="node")
statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
policy = {"Version": "2012-10-17", "Statement": [statement]}
iam.put_user_policy(UserName="node", PolicyName="all", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="node")["AccessKey"]
place = {"LocationConstraint": REGION}
client("s3", "nobody", "nothing").create_bucket(Bucket="calls", CreateBucketConfiguration=place)
own = (key["AccessKeyId"], key["SecretAccessKey"])
print(json.dumps({"url": url, "region": REGION, "id": own[0], "secret": own[1]}), flush=True)

s3 = client("s3", *own)


def told(name):
    """What is told of an object; None if it was deleted since it was listed."""
    try:
        kept = s3.get_object(Bucket="calls", Key=name)
    except s3.exceptions.NoSuchKey:
        return None
    octets = kept["Body"].read()
    # Of several parts the tag ends in their number.
    parts = kept["ETag"].strip('"').partition("-")[2]
    digest = hashlib.sha256(octets).hexdigest()
    return {"name": name, "size": len(octets), "sha256": digest, "parts": int(parts or 1)}


for _ in sys.stdin:
    listed = s3.list_objects_v2(Bucket="calls").get("Contents", [])
    objects = [it for it in (told(one["Key"]) for one in listed) if it]
    uploads = len(s3.list_multipart_uploads(Bucket="calls").get("Uploads", []))
    print(json.dumps({"objects": objects, "uploads": uploads}), flush=True)
