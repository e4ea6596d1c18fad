namespace IommuKit.Specs.Vtd;

/// <summary>Why the invalidation queue stopped: bits 3:0 of IQERCD, IQEI (VT-d specification, section 11.4.22).</summary>
public enum VtdQueueError
{
    /// <summary>0: it did not, or for another reason.</summary>
    None,

    /// <summary>1: the tail is not in the queue.</summary>
    Tail,

    /// <summary>2: a descriptor could not be read.</summary>
    Fetch,

    /// <summary>3: the type of a descriptor is not defined.</summary>
    Type,

    /// <summary>4: a reserved field is set, or a field has a value that is not possible.</summary>
    ReservedField,

    /// <summary>5: descriptors have a width that the mode does not have.</summary>
    Width,

    /// <summary>6: the tail is in the middle of a descriptor of 256 bits.</summary>
    TailAlignment,

    /// <summary>7: the mode of the root table is reserved.</summary>
    TableMode,
}
