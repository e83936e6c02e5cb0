# SPDX-License-Identifier: Apache-2.0
"""What the tests of the services share: where things are, and our protos as
Python modules."""
import os
import sys
import tempfile

top = os.path.abspath(os.environ.get('AVSIM_TOP_SRCDIR', '.'))
build = os.environ.get('AVSIM_TOP_BUILDDIR', top)
FOLDER = f'{top}/sim/services/proto'
# ASan keeps what is freed for a while
with open(f'{build}/config.h') as f:
    sanitized = '#define AVSIM_SANITIZED 1' in f.read()


def modules(*names):
    """Have NAME_pb2 and NAME_pb2_grpc of each of @names to import. Without
    python3-grpcio the test ends here, skipped. Return: a folder for the test,
    as long as it is referred to."""
    try:
        import grpc  # noqa: F401
        from grpc_tools import protoc
    except ImportError as e:
        print(f'SKIP {os.path.basename(sys.argv[0])}: {e}')
        sys.exit(77)
    work = tempfile.TemporaryDirectory()
    assert protoc.main(['protoc', f'-I{FOLDER}', f'--python_out={work.name}',
                        f'--grpc_python_out={work.name}'] +
                       [f'{FOLDER}/{name}.proto' for name in names]) == 0
    sys.path.insert(0, work.name)
    return work
