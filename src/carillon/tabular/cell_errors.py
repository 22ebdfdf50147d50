"""What cells hold whose formula has failed, or was not calculated: no value, and no blank either."""

from typing import Final

UNCALCULATED: Final = "#NOT CALCULATED!"
"""What stands for a formula whose value the workbook doesn't have, as programs write it that never calculate."""

# As workbooks have them, and as spreadsheets in the languages of columns' names write them into CSV.
CELL_ERRORS: Final = (
    *(UNCALCULATED, "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!", "#SPILL!", "#CALC!"),
    *("#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#GETTING_DATA"),
    *("#Н/Д", "#ССЫЛКА!", "#ДЕЛ/0!", "#ЗНАЧ!", "#ИМЯ?", "#ЧИСЛО!", "#ПУСТО!"),  # noqa: RUF001 - Russian
    *("#N/D", "#¡REF!", "#¡DIV/0!", "#¡VALOR!", "#¿NOMBRE?", "#¡NUM!", "#¡NULO!"),
    *("#Δ/Υ", "#ΑΝΑΦ!", "#ΔΙΑΙΡ/0!", "#ΤΙΜΗ!", "#ΟΝΟΜΑ?", "#ΑΡΙΘ!", "#ΚΕΝΟ!"),  # noqa: RUF001 - Greek
    *("#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#VALEUR!", "#NOM?", "#NOMBRE!", "#RIF!", "#VALORE!", "#NOME?"),
)
