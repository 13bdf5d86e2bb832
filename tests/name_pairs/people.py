"""Made-up people, composed of frequent Latin American names."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

WOMEN = (
    *("María José", "Ana María", "Rosa", "María Fernanda", "Carmen Rosa", "Juana", "Luz Marina", "Ana Paula"),
    *("Verónica", "Gabriela Soledad", "María del Carmen", "Florencia", "Camila", "Sofía Isabel", "Yésica", "Daniela"),
    *("Ana Beatriz", "Maria Aparecida", "Juliana", "Francisca", "Adriana Cristina", "Patrícia", "Luciana", "Márcia"),
    *("Guadalupe", "María Guadalupe", "Ximena", "Fernanda", "Mariana", "Paola Andrea", "Claudia", "Lucía Belén"),
)
MEN = (
    *("Juan Carlos", "José Luis", "Luis", "Jorge Alberto", "Carlos Eduardo", "Miguel Ángel", "Pedro", "Andrés"),
    *("Fernando", "Ricardo", "Juan Pablo", "Diego", "Martín", "Sebastián", "Héctor Daniel", "Raúl", "Daniel"),
    *("João", "João Pedro", "Antônio Carlos", "Paulo Sérgio", "Luiz Fernando", "Marcelo", "Rafael", "Thiago"),
    *("José de Jesús", "Jesús", "Francisco Javier", "Mario", "Óscar", "Víctor Hugo", "Jonathan", "Washington"),
)
SURNAMES = (
    *("García", "González", "Rodríguez", "Fernández", "López", "Martínez", "Pérez", "Gómez", "Sánchez", "Díaz"),
    *("Hernández", "Ramírez", "Torres", "Flores", "Rojas", "Quispe", "Mamani", "Vargas", "Romero", "Benítez"),
    *("Núñez", "Ibáñez", "Muñoz", "de la Cruz", "del Valle", "de León", "Ponce de León", "O'Higgins", "Velásquez"),
    *("Silva", "Santos", "Oliveira", "Souza", "Lima", "Costa", "Ferreira", "da Silva", "dos Santos", "de Oliveira"),
    *("Pereira", "Gonçalves", "Araújo", "Conceição", "Cavalcanti", "Bolsonello", "Schneider", "Rossi", "Bianchi"),
    *("Ruiz", "Paz", "Sosa", "Vega", "Luna", "Ríos", "Castillo", "Chávez", "Cáceres", "Arce", "Mejía", "Zárate"),
)


@dataclass(frozen=True, slots=True)
class Person:
    given: str
    surnames: tuple[str, ...]
    """One or two, the father's and the mother's in the order of their country."""
    is_woman: bool

    @property
    def written(self) -> tuple[str, str]:
        return self.given, " ".join(self.surnames)


def somebody(random: Random) -> Person:
    is_woman = random.random() < 0.5
    given = random.choice(WOMEN if is_woman else MEN)
    return Person(given, tuple(random.sample(SURNAMES, k=random.choice((1, 2, 2, 2)))), is_woman)
