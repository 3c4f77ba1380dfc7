package redact

import "strings"

// strength says how much a key name proves by itself.
type strength uint8

const (
	weak   strength = iota // only a value that looks like a secret is hidden
	medium                 // any value is hidden that is not a word, count or path
	strong                 // any value is hidden that is not masked, empty or prose
)

// noun is a word or compound that, when it ends a key's name, says what the value is.
type noun struct {
	text     string
	detector detectorID
	strength strength
	// glued nouns count also at the end of a longer word: "dbpassword".
	glued bool
	// alone nouns count only when they are the whole name: "to", "number".
	alone bool
	// query nouns count only inside a URL's query: "key", "code".
	query bool
	// compound nouns count only behind another word, and not behind those of publicKeys: "enc_key", not "key".
	compound bool
}

// vocabulary is the key names, in lower case. In a compound "_" stands for nothing, "_", "-", "." or a space:
// to the automaton those are one letter.
// The languages are those in which software is written most: an attacker does not choose
// the key names, a developer does.
var vocabulary = []struct {
	detector detectorID
	strength strength
	marks    string // g glued, a alone, q query only, c compound only
	words    string
}{
	{detPassword, strong, "g", `password passwd passwrd passwort kennwort losungswort passphrase pass_phrase passcode
		pass_word passwords contrasena contrasenya mot_de_passe motsdepasse senha wachtwoord paswoord haslo heslo losenord
		passord adgangskode kodeord salasana parola lozinka geslo jelszo slaptazodis parole_chiave palabra_clave
		mat_khau kata_sandi kata_laluan nenosiri katasandi sifre lykilord palavra_passe passwortes
		user_pass db_pass database_pass smtp_pass mail_pass email_pass ftp_pass ssh_pass admin_pass root_pass redis_pass mysql_pass pg_pass
		postgres_pass broker_pass rabbit_pass rabbitmq_pass amqp_pass ldap_pass proxy_pass http_pass auth_pass login_pass key_pass keystore_pass truststore_pass
		store_pass my_pass user_pw db_pw admin_pw root_pw user_pwd db_pwd bind_pw rootpw unlock_code
		пароль пароли пароля парола лозинка кодовое_слово κωδικος κωδικος_προσβασης συνθηματικο סיסמה סיסמא كلمة_المرور كلمة_السر رمز_عبور گذرواژه
		पासवर्ड गुप्तशब्द পাসওয়ার্ড รหัสผ่าน 密码 密碼 口令 登录密码 パスワード 暗証番号 비밀번호 암호 패스워드 գաղտնաբառ პაროლი`},
	{detPassword, strong, "g", `keyphrase snmp_community community_string enable_secret identified_by identified_with_by`},
	{detPassword, strong, "", `pass pwd pw psw pwrd pswd mdp clave senhas wachtwoorden hasla code_secret mysql_pwd requirepass masterauth tajne keyword_secret`},
	{detPasswordHash, strong, "g", `password_hash passwd_hash password_digest pass_hash pwd_hash pw_hash hashed_password password_hashed encrypted_password crypted_password
		password_encrypted hashed_pw hash_password mot_de_passe_hash hashed_pass passwordhash_value`},
	{detSecret, strong, "g", `secret secrets client_secret secret_key secret_access_key api_secret app_secret shared_secret consumer_secret webhook_secret
		signing_secret session_secret jwt_secret token_secret auth_secret master_secret secret_token secret_key_base api_key api_keys api_token access_token refresh_token auth_token
		bearer_token id_token oauth_token private_token personal_access_token deploy_token session_token security_token bot_token device_token push_token registration_token
		access_key private_key encryption_key decryption_key signing_key master_key auth_key account_key storage_key shared_key shared_access_key
		service_key service_role_key app_key application_key license_key licence_key subscription_key function_key hmac_key aes_key fernet_key rsa_key ssh_key jwt_key crypto_key cipher_key data_key
		webhook_key webhook_token admin_key admin_token deploy_key consumer_key secret_id private_key_id access_key_id aws_access_key_id csrf_token xsrf_token csrfmiddlewaretoken
		passkey oauth_verifier recovery_key openai_key sendgrid_key verification_token reset_token password_reset_token invite_token activation_token unsubscribe_token api_password magic_link_token
		client_key session_key verify_token authenticity_token join_token unseal_key root_token vault_token sas_token accesskeyid appsecret apikey secretkey host_key_private symmetric_key key_material
		geheimnis geheimschlussel geheimer_schlussel api_schlussel privater_schlussel zugangsschlussel zugriffstoken zugangstoken cle_api cle_secrete cle_privee cle_d_api jeton_d_acces jeton_acces clave_api clave_secreta clave_privada secreto
		token_de_acceso chave_api chave_secreta chave_privada chave_de_api segredo token_de_acesso chiave_api chiave_segreta chiave_privata segreto api_sleutel geheime_sleutel klucz_api tajny_klucz klucz_prywatny
		api_nyckel hemlig_nyckel api_avain api_anahtari gizli_anahtar tajny_klic api_klic kunci_api kunci_rahasia
		секрет секретный_ключ ключ_api апи_ключ токен токен_доступа ключ_доступа закрытый_ключ приватный_ключ 密钥 密鑰 秘钥 私钥 令牌 访问令牌 秘密 秘密鍵 トークン アクセストークン アクセスキー 시크릿 토큰 비밀키 api키
		מפתח_api طوكن مفتاح_سري رمز_الوصول`},
	{detSecret, medium, "g", `token tokens`},
	{detSecret, medium, "", `jeton fichas tokenx authtok accesskey privatekey accesstoken authtoken psk pre_shared_key wpa_psk salt pepper nonce_secret hmac_secret cookie_secret
		private_exponent client_assertion code_verifier device_secret account_token sid_token bearer jwt assertion saml_response samlresponse id_jwt xoauth2 apitoken tok`},
	{detSecret, weak, "", `auth credential credentials creds authorization_code auth_code session_id sessionid session sid access signature_key hmac api_credential pat seed
		connection_string zugangsdaten identifiants credenciales credenciais geheim key_id_secret user_key account_secret_id encryption_seed`},
	{detSecret, weak, "q", `key code`},
	{detSecret, weak, "c", `key`},
	{detURLToken, medium, "", `x_amz_security_token x_goog_signature x_amz_signature x_amz_credential awsaccesskeyid x_goog_credential`},
	{detSignature, weak, "", `signature sig hmac_signature x_hub_signature x_signature oauth_signature`},
	{detOTPSeed, strong, "g", `totp_secret otp_secret totp_seed otp_seed mfa_secret two_factor_secret twofa_secret 2fa_secret totp_key authenticator_secret otpauth_secret`},
	{detPIN, strong, "", `pin pin_code pincode otp otp_code totp totp_code one_time_password one_time_code onetime_code verification_code sms_code mfa_code two_factor_code 2fa_code security_code
		cvv cvc cvv2 cvc2 cvn card_verification_value card_pin tan backup_code backup_codes recovery_code recovery_codes passcode_2fa login_code einmalpasswort access_code activation_code entry_code door_code gate_code alarm_code unlock_pin codigo_pin codigo_de_verificacion code_pin пинкод пин_код код_подтверждения 验证码 驗證碼 認証コード 인증번호`},
	{detRecoveryPhrase, strong, "g", `mnemonic seed_phrase recovery_phrase mnemonic_phrase seed_words backup_phrase secret_phrase wallet_seed`},
	{detAuthHeader, strong, "g", `authorization proxy_authorization x_authorization authorisation`},
	{detCookie, strong, "", `cookie set_cookie cookies set_cookie2 http_cookie`},
	{detCookie, medium, "g", `phpsessid jsessionid asp_net_sessionid connect_sid sessionid session_cookie auth_cookie remember_token remember_me_token csrftoken xsrf_token laravel_session aspxauth session_data`},
	{detEmail, strong, "g", `email e_mail email_address mail_address e_mail_address correo courriel correo_electronico adresse_email emails`},
	{detPhone, strong, "g", `phone phone_number telephone telefon telefono telefone mobile_number mobile cell_phone cellphone msisdn whatsapp fax_number
		phone_no mobile_phone contact_number handynummer telefonnummer telephone_number numero_de_telephone celular phonenumber phones home_phone work_phone тел телефон номер_телефона 电话 手机 手机号 電話 電話番号 전화번호 휴대폰 sdt so_dien_thoai`},
	{detPhone, strong, "", `tel fax cell mobil handy gsm sms_to`},
	{detCard, strong, "g", `card_number credit_card credit_card_number cc_number card_no cardnumber creditcard pan_number debit_card kartennummer numero_de_carte numero_tarjeta numero_de_tarjeta numero_cartao номер_карты 卡号 银行卡号 カード番号 카드번호`},
	{detCard, strong, "", `pan cc ccn card`},
	{detIBAN, strong, "g", `iban iban_number kontonummer_iban`},
	{detBankAccount, strong, "g", `account_number bank_account bank_account_number routing_number sort_code kontonummer numero_de_compte numero_de_cuenta clabe aba_number bsb_number acct_no account_no sort_code_account`},
	{detSSN, strong, "g", `ssn social_security social_security_number social_security_no`},
	{detNationalID, strong, "g", `national_id national_insurance_number national_identification_number nino tax_id taxpayer_id tax_number tax_identification_number tin_number cpf cnpj dni nie_number nif pesel nip_number bsn burgerservicenummer
		aadhaar aadhar aadhaar_number pan_card curp rfc_number rut_number codice_fiscale steuer_id steuernummer steuer_identifikationsnummer personnummer personalausweis ausweisnummer id_card id_card_number identity_card identity_number id_number
		sin_number social_insurance_number nir numero_de_securite_sociale insee hkid nric nric_number emirates_id resident_id rrn my_number mynumber 身份证 身份证号 身份证号码 주민등록번호 マイナンバー инн снилс паспорт_серия ahv_nummer avs_number egn cnp rodne_cislo oib jmbg driver_license drivers_license driver_licence driving_licence driving_license
		license_number_driver fuhrerschein fuhrerscheinnummer numero_fiscal ein_number`},
	{detNationalID, strong, "a", `nie sin tin rut rfc ein nip avs nss`},
	{detPassport, strong, "g", `passport passport_number passport_no passeport pasaporte passnummer reisepass reisepassnummer passaporte passaporto paspoort travel_document_number паспорт номер_паспорта 护照 护照号 旅券番号 여권번호`},
	{detHealthID, strong, "g", `medical_record_number medical_record mrn nhs_number nhs_no nhs health_id health_card health_card_number health_insurance_number insurance_number patient_id patient_number medicare medicare_number
		medicaid medicaid_number krankenversicherungsnummer versichertennummer health_insurance_id member_id_health hicn policy_number_health numero_carte_vitale insurance_id insurance_policy_number`},
	{detName, strong, "g", `full_name fullname first_name firstname last_name lastname surname family_name given_name middle_name maiden_name customer_name client_name patient_name cardholder cardholder_name card_holder card_holder_name
		holder_name account_holder beneficiary_name recipient_name contact_name employee_name person_name billing_name shipping_name legal_name real_name vorname nachname nom_de_famille prenom apellido apellidos nombre_completo cognome nome_completo sobrenome имя_клиента фамилия фио 姓名 氏名 이름`},
	{detName, weak, "a", `name nombre nom nome recipient customer patient employee`},
	{detBirthDate, strong, "g", `date_of_birth dob birth_date birthdate birthday birth_day geburtsdatum geburtstag date_de_naissance fecha_de_nacimiento fecha_nacimiento data_de_nascimento data_nascimento data_di_nascita geboortedatum data_urodzenia fodselsdato fodelsedatum syntymaaika дата_рождения 生日 出生日期 生年月日 생년월일 born_on`},
	{detAddress, strong, "g", `postal_address street_address home_address billing_address shipping_address mailing_address address_line address_line1 address_line2 address_line_1 address_line_2 address1 address2 residential_address delivery_address street_line street_name street
		anschrift strasse strassenname domicilio direccion direccion_postal endereco indirizzo adresse adresse_postale адрес 住址 地址 住所 주소`},
	{detAddress, weak, "a", `address addr`},
	{detIP, strong, "g", `client_ip remote_addr remote_address x_forwarded_for x_real_ip remote_ip user_ip ip_address source_ip src_ip client_addr client_address peer_ip visitor_ip true_client_ip cf_connecting_ip x_client_ip last_login_ip login_ip customer_ip x_cluster_client_ip signup_ip source_ip_address client_ip_address remote_ip_address caller_ip`},
	{detIP, strong, "", `ip ip_addr ipaddr`},
}

// nouns expands the vocabulary: each compound in each way to join its words.
func nouns() []noun {
	var list []noun
	for _, group := range vocabulary {
		for _, word := range strings.Fields(group.words) {
			n := noun{detector: group.detector, strength: group.strength,
				glued: strings.Contains(group.marks, "g"), alone: strings.Contains(group.marks, "a"), query: strings.Contains(group.marks, "q"), compound: strings.Contains(group.marks, "c")}
			joins := []string{""}
			if strings.Contains(word, "_") {
				joins = []string{"", "_"}
			}
			for _, join := range joins {
				n.text = string(foldBytes([]byte(strings.ReplaceAll(word, "_", join))))
				list = append(list, n)
			}
		}
	}
	return list
}

// transparent words may stand after a noun without changing what the value is.
var transparent = wordSet(`data value val values raw plain plaintext cleartext clear text old new current confirm confirmation repeat again retype
	prod production dev develop live test testing staging stage sandbox primary secondary main default encrypted enc b64 base64 hex str string env
	backup temp tmp prev previous next master slave replica read write rw ro s v param arg input field1 x y a b one two first second db secret key
	internal external public1 admin root user app api web server client service bot account nueva actual neu alt
	redis postgres postgresql mysql mongo mongodb rabbitmq amqp celery broker smtp ftp ldap aws gcp azure github gitlab slack stripe twilio sendgrid openai`)

// telling words after a noun make the value something about the secret: token_count, password_reset_email.
var telling = wordSet(`count counts counter ttl name names path paths file files filename id ids type types url uri urls link hasher hashers hashing length len size expiry expires expire expired
	expiration in at age policy policies field fields required require enabled enable disabled valid validator validators validation invalid template templates email mail min max limit limits version versions
	algorithm alg algo status state error errors attempt attempts format prefix suffix header headers bucket budget cache rate usage used strategy reset changed change set exists missing
	hint manager provider store class model table column index endpoint view form page task tasks queue job event arn ref reference rotation rotated santa room issued revoked loaded
	backend serializer handler middleware lifetime seconds minutes hours days timeout date time timestamp created updated last source scope scopes kind mode method
	ok failed failure success strength score complexity pattern regex rule rules history per total cost price balance address symbol holders ring board word words less
	protected generator helper utils module package location region owner group env_var variable vars checksum fingerprint thumbprint algorithm_name label title description
	domain cookie_name samesite secure httponly user_id client_id num number_of idx position offset parts part is has needed needs ready active flag bool by for from of not and or
	map list dict mapping schema config settings setting option options info metadata meta resp response request req obj object instance iterations rounds pool cipher suite usage_count usages`)

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// publicKeys are the words that make a "key" something to find a thing by.
var publicKeys = wordSet(`routing primary foreign public cache sort partition object dict lookup idempotency group lock row record map s3 file translation message unique composite business natural surrogate
	task job queue event kafka dedup dedupe bucket prefix hash range item node url search filter order join redis memcached session_cache config setting settings feature param parameter column field
	metric meta data_set dataset image blob storage_path path resource entity user_id id json dictionary i18n locale menu route state tag label attribute property index pub verifying verification host known site measurement publishable
	throttle rate limit idempotent conversation thread message_group correlation tracking shard sharding hot shortcut arrow`)

// publicTokens are the words that make a "token" a place in a list or a piece of text.
var publicTokens = wordSet(`page next prev previous continuation cursor pagination sync cancel cancellation resume fencing lexer stop start end prompt completion special pad padding eos bos mask unk cls sep
	matching unmatched unexpected lookahead image text input output input_output max min num total audio reasoning cached word sub parser syntax keyword`)
