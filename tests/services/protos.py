# SPDX-License-Identifier: Apache-2.0
"""What the tests of the services share: where things are, and our protos as
Python modules."""
import os
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
top = os.path.abspath(os.environ.get('AVSIM_TOP_SRCDIR', f'{here}/../..'))
build = os.environ.get('AVSIM_TOP_BUILDDIR', top)
FOLDER = f'{top}/sim/services/proto'
# ASan keeps what is freed for a while
with open(f'{build}/config.h') as f:
    sanitized = '#define AVSIM_SANITIZED 1' in f.read()


def make(folder, *names):
    """Have NAME_pb2 and NAME_pb2_grpc of each of @names to import, made in
    @folder. ImportError: there is no python3-grpcio."""
    import grpc  # noqa: F401
    from grpc_tools import protoc
    assert protoc.main(['protoc', f'-I{FOLDER}', f'--python_out={folder}',
                        f'--grpc_python_out={folder}'] +
                       [f'{FOLDER}/{name}.proto' for name in names]) == 0
    sys.path.insert(0, folder)


def modules(*names):
    """make() in a folder for the test, which stays as long as the return value
    is referred to. Without python3-grpcio the test ends here, skipped."""
    work = tempfile.TemporaryDirectory()
    try:
        make(work.name, *names)
    except ImportError as e:
        print(f'SKIP {os.path.basename(sys.argv[0])}: {e}')
        sys.exit(77)
    return work
