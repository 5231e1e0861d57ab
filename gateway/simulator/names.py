"""Where invented people come from: names within DIN 91379, places of birth, languages, by country."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Land:
    """A country of origin with pools of values; `key` is the Destatis key of nationality and of state."""

    key: str
    share: int
    sprachen: tuple[str, ...]
    religionen: tuple[str, ...]
    orte: tuple[str, ...]
    familiennamen: tuple[str, ...]
    maennlich: tuple[str, ...]
    weiblich: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


LAENDER: Final = (
    Land(
        "475", 22, ("ara", "qbj"), ("IS", "CH", "JE"), _words("Damaskus Ḥalab Ḥimṣ al-Qāmišlī Idlib ar-Raqqa"),
        _words("al-Hamwi Ḥaddād al_Masri Şêxo Kassem Ḫūrī ʿAbd_al-Raḥmān Darwish Çelik Sabbagh Nasser Ḥusayn Khalaf"),
        _words("Aḥmad Muḥammad Yūsuf Şêrzad ʿUmar Khaled Bašīr Anas Rami Ǧamāl Fadi Zakariyya"),
        _words("Fāṭima Āmina Rojîn Ḥanān Laylā Nūr Zaynab Hêvîn Rīm Sāra Muna Salma"),
    ),
    Land(
        "166", 22, ("ukr", "rus"), ("OR", "OH"), _words("Kyjiw Charkiw Odessa Mykolajiw Cherson Dnipro"),
        _words("Ševčenko Kovalʹčuk Bondarenko Tkačenko Kravčenko Olijnyk Šyško Melʹnyk Lysenko Zajčuk Žuk Ščerba"),
        _words("Oleksandr Dmytro Andrij Mykola Serhij Ivan Vadym Jaroslav Taras Bohdan"),
        _words("Olena Natalija Oksana Tetjana Iryna Kateryna Sofija Darʹja Žanna Ljudmyla"),
    ),
    Land(
        "423", 14, ("prs", "pus"), ("IS",), _words("Kābul Herāt Qandahār Mazār-e_Šarīf Ġaznī Kundūz"),
        _words("Aḥmadzay Ḥaydarī Nūrī Raḥīmī Karīmī Stānekzay Ḥabībī K͟haṭak Yūsufzay Moḥammadī Ṣāfī"),
        _words("Ahmadullah Najībullāh Ḥamīd Esmāʿīl Farhād Reżā ʿAbdul_Wāḥid Jawād Mīrwais Zalmay"),
        _words("Maryam Zahrā Šukrīya Laylomā Farzāna Nasrīn Parwīn Ṯurayyā Gul_Nāz Hosnā"),
    ),
    Land(
        "438", 11, ("ara", "qbj"), ("JE", "IS", "CH"), _words("Baġdād Mosul Sinǧār Duhok Erbil Kirkūk"),
        _words("al-Jubūrī Xêlo Ḥasan Khidir Şemo Murad ʿAzīz al-Bayātī Qāsim Barakat Dawūd"),
        _words("Ḥayder Xelîl ʿAlī Dilşad Sāmir Nāṣir Karwan Mazin Azad Ṭāriq"),
        _words("Nādiya Şîrîn Bervan Hêlîn Sūʿād Xezal Ibtisām Rūqayya Vian Dalāl"),
    ),
    Land(
        "439", 7, ("pes",), ("IS", "CH", "BA", "OH"), _words("Teherān Eṣfahān Šīrāz Mašhad Tabrīz Ahwāz"),
        _words("Ḥosseynī Aḥmadī Rostamī Ǧaʿfarī Karīmī Şamsî Zādeh Moradī Ebrāhīmī Nežād"),
        _words("Reżā Mehdī Amīr Kāveh Dāryūš Bahrām Sīnā Ārash Pūyā Navīd"),
        _words("Šīrīn Nāzanīn Mīnā Parisā Leylā Žāle Samīrā Roya Mahsā Golnār"),
    ),
    Land(
        "163", 8, ("tur", "qbj"), ("IS", "AL", "OH"), _words("Diyarbakır İstanbul Şırnak Elâzığ Iğdır İzmir"),
        _words("Yıldırım Öztürk Çelik Şahin Kılıç Güneş Aydın Doğan Işık Ağaoğlu Erdoğmuş"),
        _words("İbrahim Ömer Çağrı Uğur Şiyar Yiğit Barış Gökhan Işıl_Can Rıza"),
        _words("Ayşe Çiçek Gülşen Özlem Şükran Zühal Işıl Nurgül Berîvan Sevgi"),
    ),
    Land(
        "224", 5, ("tir",), ("OR", "IS"), _words("Asmara Keren Massawa Dekemhare"),
        _words("Tesfay Gebremariam Haile Ghebreyesus Woldemichael Kidane Tekle Habtom Okbay"),
        _words("Yonas Filmon Samuel Tedros Mehari Robel Daniel Amanuel Isaias"),
        _words("Selam Helen Rahel Luwam Saba Feven Winta Semhar Eden"),
    ),
    Land(
        "273", 3, ("som",), ("IS",), _words("Muqdisho Hargeysa Kismaayo Baydhabo"),
        _words("Cabdi Maxamed Xasan Warsame Jaamac Axmed Cali Nuur Faarax"),
        _words("Cabdullahi Xuseen Cumar Liibaan Maxamuud Yuusuf Ismaaciil"),
        _words("Xaawo Caasha Faadumo Hodan Sahra Ayaan Ifrax"),
    ),
    Land(
        "232", 3, ("eng", "ibo"), ("CH", "IS"), _words("Lagos Benin_City Kano Enugu"),
        _words("Okonkwo Eze Adébáyo Ọlá Nwosu Ibrahim Igbinedion Osagie Okafor"),
        _words("Chinedu Emeka Samuel Osaze Ikenna Ọbi Tunde Musa"),
        _words("Blessing Ngozi Chioma Ádaeze Joy Ifẹoma Osas Amaka"),
    ),
    Land(
        "160", 2, ("rus", "che"), ("OR", "IS"), _words("Groznyj Machačkala Moskva"),
        _words("Mamadov Dudaev Ivanova Šamilʹ Achmatov Gadžiev Ėlʹdarov"),
        _words("Aslan Ruslan Zelimchan Dmitrij Islam Šamil"), _words("Madina Zarema Ėlina Tatʹjana Aminat Lejla"),
    ),
    Land(
        "261", 2, ("fra", "ful"), ("IS",), _words("Conakry Kankan Labé Nzérékoré"),
        _words("Diallo Bâ Camara Soumaoro Touré Condé Keïta N'Diaye"),
        _words("Mamadou Alpha Ibrahima Thierno Sékou Amadou"), _words("Aïssatou Fatoumata Mariama Hadja Kadiatou"),
    ),
    Land(
        "121", 2, ("sqi",), ("IS", "CH"), _words("Tiranë Shkodër Durrës Vlorë"),
        _words("Çelaj Hoxha Gjoni Përgjini Kërçuku Dedaj Zyberi"),
        _words("Gjergj Besnik Ilir Agëron Dritan Fatmir"), _words("Drita Arbërie Mirë Elona Vjollca Zana"),
    ),
    Land(
        "170", 2, ("rom", "srp"), ("OR", "IS"), _words("Beograd Niš Bujanovac Preševo"),
        _words("Đorđević Petrović Jašari Demirović Nikolić Šabanović Živković"),
        _words("Đorđe Saša Miloš Šaban Nebojša Žarko"), _words("Ljubica Snežana Đurđica Ramiza Šejla Jelena"),
    ),
)  # fmt: skip

EIGENE_ANGABE: Final = ("423", "224", "273", "261", "232")
"""Where papers are rare: the date of birth is a statement, often set to 1 January."""


def country(key: str) -> Land:
    """The country with this key; KeyError if there is none."""
    return next(land for land in LAENDER if land.key == key)
