"""Gender agreement over everyday nouns, and what decides where no noun follows."""

import pytest

from locutor.text.normalize import normalize

FEMININE = """casas pessoas horas mulheres crianças noites tardes manhãs vezes mãos flores árvores nuvens pontes fontes
cores leis vozes luzes cruzes raízes irmãs mães canções lições ações regiões questões gestões religiões visões decisões
televisões mansões paixões conexões cidades universidades vontades atitudes virtudes superfícies espécies séries bases
frases fases classes redes sedes chaves mortes partes ordens viagens imagens mensagens origens colheres atrizes
catedrais libras milhas toneladas fotos motos tribos torres equipes greves crises teses análises doses viroses sementes
correntes serpentes estações xícaras páginas letras palavras línguas músicas notas telas paredes naves semanas décadas
gerações aulas escolas professoras doutoras meninas"""
MASCULINE = """carros dias problemas sistemas programas temas mapas climas planetas poemas idiomas sintomas gramas
cometas poetas homens pais irmãos itens bens trens armazéns reféns limões pães cães aviões caminhões corações milhões
leões balões cartões portões feijões grãos órgãos cidadãos alemães patrões ladrões verões tubarões pulmões países meses
lápis ônibus vírus atlas gases gigabytes pontos minutos séculos reais dólares euros jornalistas artistas professores
jogadores computadores papéis hotéis lençóis sóis barris perfis móveis animais jornais hospitais canais pés cafés
museus graus pneus deuses ingleses presentes dentes acidentes restaurantes nomes filmes times crimes legumes volumes
lugares bares mares pares quartos litros metros livros gols táxis júris sofás chás copos"""


@pytest.mark.parametrize("noun", FEMININE.split())
def test_feminine(noun: str) -> None:
    assert normalize(f"202 {noun}", "pt-BR") == f"duzentas e duas {noun}"


@pytest.mark.parametrize("noun", MASCULINE.split())
def test_masculine(noun: str) -> None:
    assert normalize(f"202 {noun}", "pt-BR") == f"duzentos e dois {noun}"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2 a mais", "dois a mais"),
        ("Temos 2, mas queremos 3.", "Temos dois, mas queremos três."),
        ("2 dessas casas", "duas dessas casas"),
        ("Faltam 2 pra acabar", "Faltam dois pra acabar"),
        ("uma das 2 empresas", "uma das duas empresas"),
        ("Entre 200 e 300 pessoas", "Entre duzentas e trezentas pessoas"),
        ("1.322 mortes", "mil trezentas e vinte e duas mortes"),
        ("22.500 vagas", "vinte e duas mil e quinhentas vagas"),
        ("1.000.002 vagas", "um milhão e duas vagas"),
        ("1 tese e 1 leão", "uma tese e um leão"),
    ],
)
def test_in_a_sentence(written: str, spoken: str) -> None:
    assert normalize(written, "pt-BR") == spoken
