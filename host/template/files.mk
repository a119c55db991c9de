# SPDX-License-Identifier: MIT
host-template-srcs := $(addprefix host/template/, host.c vectors.c)
