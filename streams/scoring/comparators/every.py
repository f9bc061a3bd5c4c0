"""All rules that homebeat is held against, in the order of the table."""

from models.evidence import load
from streams.scoring.comparators.ar2_glucose import Ar2Glucose
from streams.scoring.comparators.cusum import Cusum
from streams.scoring.comparators.nightsignal import NightSignal
from streams.scoring.comparators.population import Population
from streams.scoring.comparators.robust_z import RobustZ
from streams.scoring.comparators.rule import Comparator
from streams.scoring.comparators.weight_gain import WeightGain


def comparators() -> tuple[Comparator, ...]:
    """Every rule at its published setting."""
    known = load("comparators")
    return (
        Population(),
        RobustZ("robust z", 1, known["robust_z"]["limit"]),
        RobustZ("robust z, two days", 2, known["robust_z"]["limit_two_days"]),
        NightSignal(limit=known["nightsignal"]["red"]),
        Cusum(limit=known["cusum"]["limit"]),
        WeightGain(),
        Ar2Glucose(limit=known["ar2"]["limit"]),
    )
