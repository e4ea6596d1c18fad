namespace IommuKit.Specs.Mmio;

/// <summary>What an access to a register is for. Costs are counted by it.</summary>
public enum RegisterPurpose
{
    /// <summary>Set-up of the unit.</summary>
    Configuration,

    /// <summary>The root of an address space.</summary>
    TranslationRoot,

    /// <summary>Which address space a device uses, and whether it is translated at all.</summary>
    DeviceBinding,

    /// <summary>Invalidation of a cache of table memory.</summary>
    TableCacheInvalidation,

    /// <summary>Invalidation of cached translations.</summary>
    TlbInvalidation,

    /// <summary>A read whose only use is to wait until earlier writes took effect.</summary>
    Completion,

    /// <summary>The tail of a queue in memory: a write hands over the commands before it.</summary>
    Doorbell,

    /// <summary>Interrupt status, masks and fault records.</summary>
    Fault,

    /// <summary>Hit and miss counters.</summary>
    Statistics,
}
