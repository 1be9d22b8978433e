package tmf

import "encoding/json"

// Of each resource only the fields that are sent, or looked at, are here. What a BOSS says
// beside them is not read: the less is relied on, the more BOSSes will do.

// productOrder is the ProductOrder of TMF622. ExternalID is the key of the order, ID is the
// BOSS's own. State and Notes are the BOSS's to give; Parties is sent with the subscriber alone.
type productOrder struct {
	ID         string      `json:"id,omitempty"`
	ExternalID string      `json:"externalId"`
	State      string      `json:"state,omitempty"`
	Parties    []party     `json:"relatedParty,omitempty"`
	Items      []orderItem `json:"productOrderItem"`
	Notes      []note      `json:"note,omitempty"`
}

// orderItem is a ProductOrderItem. Its Product is what was typed for it.
type orderItem struct {
	ID       string      `json:"id"`
	Action   string      `json:"action"`
	State    string      `json:"state,omitempty"`
	Offering reference   `json:"productOffering"`
	Product  *product    `json:"product,omitempty"`
	Prices   []itemPrice `json:"itemPrice,omitempty"`
}

type reference struct {
	ID string `json:"id"`
}

// party is a RelatedParty. The specification wants to be told what kind of thing it refers to.
type party struct {
	ID           string `json:"id"`
	Role         string `json:"role,omitempty"`
	ReferredType string `json:"@referredType"`
}

type note struct {
	ID   string `json:"id,omitempty"`
	Text string `json:"text"`
}

type itemPrice struct {
	Type   string `json:"priceType"`
	Period string `json:"recurringChargePeriod"`
	Price  price  `json:"price"`
}

type price struct {
	TaxIncluded money `json:"taxIncludedAmount"`
}

// money has its value in yuan: 6.00.
type money struct {
	Unit  string      `json:"unit"`
	Value json.Number `json:"value"`
}

// product is the Product of TMF637, and the ProductRefOrValue of an order.
type product struct {
	Status          string           `json:"status,omitempty"`
	Offering        *reference       `json:"productOffering,omitempty"`
	Characteristics []characteristic `json:"productCharacteristic,omitempty"`
}

type characteristic struct {
	Name      string `json:"name"`
	ValueType string `json:"valueType,omitempty"`
	Value     any    `json:"value"` // of any type, by the specification
}

// accumulatedBalance is that of TMF654.
type accumulatedBalance struct {
	Total struct {
		Amount *json.Number `json:"amount"` // nil where it is left out, which is not 0
		Units  string       `json:"units"`
	} `json:"totalBalance"`
}
