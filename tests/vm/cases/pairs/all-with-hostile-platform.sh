# SPDX-License-Identifier: Apache-2.0
# claim: all reference agents beside hostile in its modes one after the other, on the whole root under load: none of them notices
# limit-s: 420
# pair: observer reputation yara behaviour hostile
# result: the same of the four that behave; hostile is braked, benched, or held by its budgets, and nobody else notices
. /vm/cases/pairs.sh
beside_hostile observer reputation yara behaviour
