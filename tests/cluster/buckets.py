"""An S3 server on this machine, with one bucket."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bucket:
    """A bucket of a server that runs.

    Attributes:
        name: Its name.
        address: The server's, of the loopback.
        client: boto3's.
        keys: What Snakemake reads them from.
    """

    name: str
    address: str
    client: Any = field(repr=False)
    keys: dict[str, str]

    def files(self) -> dict[str, int]:
        """Return the names and sizes of the files in the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", [])}

    def read(self, name: str) -> bytes:
        """A file's content."""
        return self.client.get_object(Bucket=self.name, Key=name)["Body"].read()


@contextmanager
def bucket_on_this_machine(name: str) -> Iterator[Bucket]:
    """Run the server in a thread of this process, so that it ends with the tests."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        access, secret = "an-access-key", "a-secret-key"
        client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1",
            aws_access_key_id=access, aws_secret_access_key=secret,
        )  # fmt: skip
        client.create_bucket(Bucket=name)
        keys = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": access, "SNAKEMAKE_STORAGE_S3_SECRET_KEY": secret}
        yield Bucket(name, address, client, keys)
    finally:
        server.stop()
