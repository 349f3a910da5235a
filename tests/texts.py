"""Texts as invoices and receipts have them, in the character sets of their countries, separated by bars."""

from __future__ import annotations

__all__ = ["KNOWN", "UNSEEN"]

KNOWN = {
    "western": (
        "Rechnung für Müller & Söhne GmbH|Straße des 17. Juni 135, 10623 Berlin|"
        "Überweisung: Gebühr 12,50 €|Größe: 40 × 60 cm|Bäckerei Jäger, Köln|"
        "Vielen Dank für Ihren Einkauf – schönen Tag!|Ärztekammer Österreich|"
        "§ 19 UStG: keine Umsatzsteuer|Betrag fällig am 31.03.2024, Zahlung möglich per Überweisung|"
        "Käse, Brötchen, Würstchen, Öl|SÜSSWAREN GROSSHANDLUNG BÖHM|RÜCKZAHLUNG DER GEBÜHR AN KÄUFER|"
        "ÜBERWEISUNG MÖGLICH|Straßenbahn Zürich ÖV|Größe|für|Köln|ÄÖÜ|Öl|"
        "Facture n° 2024-118 réglée à réception|Société Générale, 29 boulevard Haussmann, Paris|"
        "Café crème 2,50 €|Reçu à Orléans le 3 août 2023|Électricité générale – dépannage|"
        "Hôtel « Les Cèdres » – chambre n° 12|Montant payé : 1 250,00 €|Pâtisserie, crêpes, thé glacé|"
        "Échéance : 30 jours fin de mois|Où êtes-vous allé à Noël ?|SOCIÉTÉ GÉNÉRALE DE PRÊT-À-PORTER|"
        "FACTURE RÉGLÉE LE 12 FÉVRIER|CAFÉ DES ARÈNES, NÎMES|déjà payé|été|"
        "Aéroport de Genève, créé en 1920|ÉTÉ|À payer|créée|Factura Nº 0001-2345|"
        "Compañía Española de Petróleos|¿Cuánto es el importe? ¡Gracias!|Año 2023, España – señor Núñez|"
        "Recibí de D. José Ángel Muñoz la cantidad de 100 €|Teléfono móvil, dirección electrónica|"
        "Peluquería y estética Begoña|CAÑÓN DEL COLORADO, S.A.|COMPAÑÍA DE TELÉFONOS Y DISTRIBUCIÓN|"
        "FACTURACIÓN ELECTRÓNICA AL ÓRGANO GESTOR|niño|Cía. de Jesús nº 3ª planta|ÑANDÚ|"
        "Nota Fiscal de Serviço Eletrônica|Descrição: manutenção e instalação|"
        "São Paulo – Avenida Brigadeiro Luís Antônio|Não há débitos em aberto|"
        "Ação de cobrança – condições de pagamento|Informações adicionais às 14h|"
        "Pão de queijo, açúcar, café, limões|MANUTENÇÃO E INSTALAÇÃO DE REFRIGERAÇÃO|"
        "NOTA FISCAL DE SERVIÇO ELETRÔNICA|EMISSÃO: OPERAÇÃO DE SAÍDA|CONDIÇÕES DE PAGAMENTO À VISTA|"
        "AÇÕES E ORGANIZAÇÕES|João|SÃO JOÃO|AÇÃO|Ação|Opções e refeições|Fattura n° 12 – città di Forlì|"
        "Perché è già pagata|Caffè Università di Bologna|Lunedì, martedì, venerdì|Qualità e quantità: sì|"
        "PERCHÉ È GIÀ PAGATA|CITTÀ DI FORLÌ|Totale: 12,50 € (IVA inclusa)|più|"
        "Factuur voor Brouwerij ’t IJ, één stuk|Coöperatie Rabobank|België: €20,00|Reële prijs, geïnd|"
        "COÖPERATIE|Faktura: Malmö Högskola, Ängsvägen 4|Räkning på 100 kr från Åhléns|"
        "Moms ingår – tack för köpet!|Smörgås, kött, öl, räkor|FAKTURA FRÅN ÅHLÉNS|"
        "GÖTEBORGS KÖTTGROSSIST|Å|öl|Åre|Faktura fra Københavns Lufthavn|Rødgrød med fløde|"
        "Ærø Færge, Ålborg|Beløb: 100 kr., årets gæld|SMØRREBRØD OG ØL|KØBENHAVN Ø|Å|"
        "Kvittering: Tromsø kjøpesenter, Storgata 3|Beløpet må betales før 31. mars|"
        "Blåbærsyltetøy, fløte, kjøtt|KVITTERING FRA ÅLESUND BÅTFORENING|Ærlig|"
        "Lasku: Hämeenlinnan Sähkö Oy|Määräaika 14 päivää, viivästyskorko|Yhteensä 12,50 €|"
        "Pääkäyttäjä, yötyö, hyötyjä|HÄMEENLINNAN SÄHKÖ OY|MÄÄRÄAIKA PÄÄTTYY|yö|pää|Tyttöjen töölö|"
        "Reikningur frá Þjóðminjasafni Íslands|Greiðsla móttekin – þökk fyrir viðskiptin|"
        "Ásta Björk Guðmundsdóttir|VIRÐISAUKASKATTUR|ÞJÓÐMINJASAFN ÍSLANDS|Vörunúmer, verð, samtals|"
        "Factura núm. 12 – Col·legi d’Enginyers|Plaça de Catalunya, açò és el preu|"
        "Pagament: 15è dia – transferència|±5 °C|10 µm|½ kg|25 m²|©2024 ACME®|1000 £|12 ¥|§ 5|°C|5 €|a·b|"
        "« »|÷|10 €/m³|Prämie, Verträge, Büro|Möbelhaus Höffner|Währung: EUR, Kürzel|"
        "Fußpflege-Praxis Schäfer|HÖRGERÄTE KÖNIG|STÜCK|Maßstab|Bücher, DVDs und Spiele|Führerschein|"
        "grün, weiß|übermäßig|MÄRZ|Règlement par chèque à l’ordre de la société|"
        "Numéro de sécurité sociale|Médecin généraliste, Besançon|TÉLÉPHONE PORTABLE RÉPARÉ À L’ÉTÉ|"
        "Crédit Agricole d’Île-de-France|forêt, château, garçon|payé|NOËL|DÛ|Mês de referência: março|"
        "Código de verificação|Contribuição à Previdência|REFEIÇÕES E ALIMENTAÇÃO|PROTEÇÃO|"
        "irmã, irmãos, lições|CÃES|Pagamento em cartão de crédito|Número de artículo|Panadería La Señora|"
        "LÍNEA TELEFÓNICA|¿Qué tal?|Andalucía, Cataluña, León|DÍA|Återbetalning för körkort|"
        "Västerås Kommun|BETALNINGSPÅMINNELSE|Örebro|älg|Pöytävaraus, työpöytä|Päivämäärä|KÄYTTÖ|"
        "Järvenpää|Fyrværkeri på Strøget|ÅRHUS LUFTHAVN|Bøf med løg|kørsel|Ödeme, Türkçe"
    ),
    "simplified": (
        "发票|收据|请求书|增值税专用发票|北京市海淀区中关村大街1号|价税合计：¥1250.00|"
        "销售方：上海华通贸易有限公司|购买方名称：深圳市腾讯计算机系统有限公司|开票日期：2023年05月12日|"
        "数量 单价 金额 税率 税额|谢谢惠顾，欢迎下次光临|电子发票（普通发票）|"
        "发票代码:011002100311,发票号码:12345678|付款方式：微信支付|广州市天河区体育西路|"
        "中国工商银行股份有限公司杭州分行|合计(大写)壹仟贰佰伍拾元整|打印机墨盒|牛肉面 25元|张三|李小明|"
        "苹果手机 iPhone 13|地址、电话|桌号：8|订单编号：A20230512|成都|南京|西安市|重庆火锅店|"
        "外卖员电话13800138000|房租费|医院门诊收费票据|中文|你好|测试|公司|北京|上海|二维码|"
        "浙江增值税电子普通发票|餐饮服务|住宿费|快递单号 SF1234567890|苏州|武汉大学出版社|天津滨海新区|"
        "中国石油化工集团|早餐包子豆浆|停车费|物业管理费|手续费：3元|王芳|刘洋|陈建国|赵丽|笔记本电脑|"
        "一次性餐具|羊肉串|红烧牛肉|西瓜|超市购物小票|出租车|火车票|登机牌|宁波银行|厦门|青岛啤酒|"
        "昆明市五华区|定额发票|税务局|机打发票 校验码|扫码支付|会员卡号|谢谢|再见|欢迎光临|退款|运费|"
        "办公用品"
    ),
    "traditional": (
        "發票|收據|電子發票證明聯|台北市信義區市府路1號|統一編號：12345678|臺灣銀行股份有限公司|"
        "銷售額合計|隨機碼:1234 總計:250|賣方：全家便利商店股份有限公司|交易明細 數量 單價 金額|"
        "中華民國112年05月12日|謝謝光臨，歡迎再度惠顧|香港九龍彌敦道100號|付款方式：信用卡|"
        "品名：珍珠奶茶 大杯|高雄市左營區|訂單編號：A20230512|統一超商|張小明|陳大文|牛肉麵 120元|營業稅|"
        "應付帳款|免稅|圖書|測試|中文|公司|台北|二維條碼|醫療費用收據|住宿費|快遞單號|外帶杯|"
        "新北市板橋區|台中市西屯區|中華電信|遠東百貨|王大明 先生|林美玲|便當 80元|停車費|計程車|"
        "手續費：30元|咖啡|退款|運費|發票號碼 AB-12345678|買方：個人|課稅別 應稅|澳門|新界沙田|港幣|"
        "麥當勞|誠品書店|郵局|捷運|高鐵票|感謝您的購買|店號：001|收銀員|歡迎光臨|辦公用品"
    ),
    "korean": (
        "세금계산서|영수증|거래명세표|주식회사 한국전자|서울특별시 강남구 테헤란로 123|"
        "합계금액: 12,500원|공급가액 및 부가세|사업자등록번호: 123-45-67890|"
        "감사합니다. 또 방문해 주세요!|품목 수량 단가 금액|결제방법: 신용카드|상호: 맛있는 김밥천국|"
        "전화번호 02-123-4567|부산광역시 해운대구|현금영수증|카드결제|김철수|박영희|아메리카노 2잔|"
        "배송지 주소|주문번호: A20230512|대표자 홍길동|입금 계좌 국민은행|택배비|공급받는자|환불|할인|"
        "결제|안녕하세요|서울|부산|한국|커피|테스트|병원 진료비|전자세금계산서 발행|숙박비|"
        "대전광역시 유성구|삼성전자 서비스센터|치킨 1마리|택시요금|주차비|부가가치세|이순신|최민수|"
        "순두부찌개|설렁탕|편의점 GS25|스타벅스 강남점|교환 및 환불은 7일 이내|승인번호 12345678|일시불|"
        "포인트 적립|인천공항|제주도|우체국|도서 구입비|사무용품|면세물품|과세물품|받을금액|거스름돈|"
        "테이블|총액|날짜|수수료|배달비"
    ),
    "japanese": (
        "請求書|領収書|株式会社山田商店|東京都千代田区丸の内1-1-1|合計金額：12,500円（税込）|消費税10%|"
        "お買い上げありがとうございます|ご注文番号：A20230512|商品名 数量 単価|大阪市北区梅田|"
        "クレジットカード払い|コーヒー 2点|振込先：三菱UFJ銀行|鈴木一郎|登録番号T1234567890123|お釣り|"
        "㈱田中製作所|発行日 令和5年5月12日|ポイント残高|レシート|スターバックス|カナ漢字|テスト|東京|"
        "京都|領収証 上様|税抜|宿泊費|病院診療費明細書|こんにちは|点茗|二次元コード|名古屋市中村区|"
        "福岡県|有限会社佐藤工務店|ご利用明細|交通費|お預り 1,000円|小計|牛丼 並|ありがとう|駐車場|"
        "電気料金|佐々木|渡辺太郎|請求金額|お支払期限：6月30日|ビール中ジョッキ|消耗品費|品代として|"
        "但し、お品代|セブン-イレブン|ファミリーマート|郵便番号|携帯電話|返品|送料"
    ),
    "half-width": (
        "ｺｰﾄﾞ|ｶｲｼｬ 12|*ﾃﾞｻﾞｲﾝQR*|ﾔﾏﾀﾞ ﾀﾛｳ|ｶ)ﾔﾏﾀﾞｼｮｳﾃﾝ|ｽｽﾞｷ ｲﾁﾛｳ|ﾐﾂﾋﾞｼUFJｷﾞﾝｺｳ|ﾃﾞﾝﾜﾘｮｳｷﾝ|ﾌﾘｺﾐ|ｺﾞｳｹｲ 1,250|"
        "ﾒﾝﾊﾞｰｽﾞｶｰﾄﾞ|ﾋﾟｱﾉ|ﾄｳｷｮｳﾄ ﾁﾖﾀﾞｸ|ﾎﾟｲﾝﾄ|ﾚｼｰﾄ|ﾃｽﾄ|ﾀﾅｶ|ｻﾄｳ|ﾆﾎﾝ|ｵｵｻｶ|ｶﾞｽﾘｮｳｷﾝ|ｺｰﾋｰ|ﾊﾟﾝ|ﾋﾞｰﾙ|ﾀｶﾊｼ|"
        "ﾜﾀﾅﾍﾞ ｹﾝｼﾞ|ｾﾌﾞﾝｲﾚﾌﾞﾝ|ｼﾞｭｰｽ|ｻｯﾎﾟﾛ|ﾌｸｵｶ|ｷﾞｭｳﾆｭｳ|ﾍﾞﾝﾄｳ|ｵﾁｬ|ｹｲﾀｲ|ｺｳｻﾞ|ﾌﾂｳ 1234567|ﾍﾟｯﾄﾎﾞﾄﾙ|"
        "ｶ)ﾔﾏﾓﾄｺｳﾑﾃﾝ|ﾗｰﾒﾝ|ｼｮｸﾋﾝ"
    ),
}
"""The rule's shares and frequent characters were chosen with these in sight."""

UNSEEN = {
    "western": (
        "Getränkemarkt Hoffmann|Küchengeräte, Töpfe|Rückgabe nur mit Beleg möglich|"
        "STRASSENREINIGUNGSGEBÜHR|Münzstraße 12, Würzburg|Säge|über|Füße|GEMÜSE|"
        "Boulangerie Lefèvre & fils|Remise exceptionnelle à la clientèle|Écharpe, réglisse, maïs|"
        "PÂTÉ DE CAMPAGNE|École élémentaire Jean-Jaurès|Où ?|Dépôt|côté|Padaria Açoriana Lda.|"
        "Número de contribuinte inválido|Férias, salários e subvenções|DECLARAÇÃO ANUAL|"
        "informática e eletrônicos|Avó|pães|Zapatería Ibáñez|Código de autorización|"
        "Alquiler del mes de julio – vivienda en Cádiz|DIRECCIÓN GENERAL|pingüino|Años|Lön för maj|"
        "Trädgård och växter|Sjöfart i Karlshamn – skärgård|FÖRFALLODAG|bröd|Sähkölasku heinäkuu|"
        "Kävijämäärä|Jäätelö, leipä|ENNÄTYS|Lægehus Østerbro|Forsikring på bil – årlig præmie|"
        "BRØDRENE SØRENSEN|øre|Società a responsabilità limitata|Pubblicità, novità|Venerdì 12|LIBERTÀ|"
        "Bærum Brød & Kaker|Påløpt beløp|HØYSKOLE|Bókaverslun Eymundsson|Hádegisverður|SKÝRSLA"
    ),
    "simplified": (
        "郑州|湖南省长沙市岳麓区|中国移动通信集团广东有限公司|酸菜鱼 68元|洗衣费|停车场出口|押金：100元|"
        "孙悦|何静|徐海涛|马超|电脑维修|纸巾两包|水果沙拉|啤酒鸭|葡萄|便利店收银条|高速公路通行费|"
        "机票行程单|招商银行|大连|百事可乐|福建省泉州市|手写发票|国家税务总局|机器编号 防伪码|刷卡消费|"
        "积分余额|祝您愉快|请妥善保管|退货单|装修材料|文具用品|蛋糕|沈阳"
    ),
    "traditional": (
        "桃園市中壢區|彰化縣員林市|台灣大哥大|新光三越|吳志豪 先生|黃雅婷|滷肉飯 45元|保證金|公車票|"
        "服務費：10%|紅茶|折扣|包裝費|發票開立日期 2023-05-12|買受人：個人|免用統一發票|九龍塘|"
        "中環德輔道|人民幣|肯德基|書局|銀行|悠遊卡|火車票|請保留收據|門市：忠孝|結帳員|祝您愉快|文具用品|"
        "蛋糕"
    ),
    "korean": (
        "광주광역시 서구|엘지전자 서비스|삼겹살 2인분|버스요금|세차비|소득공제용|정유진|강호동|된장찌개|"
        "냉면|마트 봉투|파리바게뜨 신촌점|구매해 주셔서 고맙습니다|거래일시 2023-05-12|할부 3개월|"
        "쿠폰 사용|김포공항|경기도 수원시|등기우편|참고서 구입|문구류|부가세 포함|반품 접수|받은 돈|잔돈|"
        "좌석 번호|합계|시간|보증금|설치비"
    ),
    "japanese": (
        "札幌市中央区|静岡県浜松市|合同会社高橋企画|お支払い明細|宿泊料|内税対象額|お預かり|税込合計|"
        "カレーライス 大盛|またお越しください|入場券|水道料金|長谷川|小林健太|差引残高|ご入金日：5月1日|"
        "ワイン赤グラス|事務用品費|上記正に領収いたしました|ローソン|イオン|振替|定期券|値引|配達料"
    ),
    "half-width": (
        "ｲﾄｳ|ﾅｶﾑﾗ ﾕｳｺ|ﾛｰｿﾝ|ｳｰﾛﾝﾁｬ|ﾖｺﾊﾏ|ﾋﾛｼﾏ|ﾀﾏｺﾞ|ｵﾆｷﾞﾘ|ｼﾝｶﾝｾﾝ|ﾃﾞﾝｷ|ﾌﾘｺﾐﾃｽｳﾘｮｳ|ﾕ)ｻﾄｳｺｳｷﾞｮｳ|ﾌﾟﾘﾝ|ｶﾚｰ|ｻﾗﾀﾞ|ﾜｲﾝ"
    ),
}
"""These were written afterwards."""
