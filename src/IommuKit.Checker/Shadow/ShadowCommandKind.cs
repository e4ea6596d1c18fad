namespace IommuKit.Checker.Shadow;

/// <summary>What a register write or a queue command does to what hardware holds.</summary>
public enum ShadowCommandKind
{
    /// <summary>Nothing that matters here.</summary>
    None,

    /// <summary>Lines of the table cache go, by physical address.</summary>
    DropTableCache,

    /// <summary>Remembered translations go, by address space and IOVA.</summary>
    DropTranslations,

    /// <summary>Remembered translations and pointers to tables go, by address space and IOVA.</summary>
    DropTranslationsAndTables,

    /// <summary>Translations that a device keeps go, by IOVA.</summary>
    DropDeviceTranslations,

    /// <summary>An address space gets another root, or none.</summary>
    SetRoot,

    /// <summary>A register gives a device another address space, or none.</summary>
    SetRoute,

    /// <summary>An entry in memory gives a device another address space, or none: what hardware remembers of it may still be used.</summary>
    StoreRoute,

    /// <summary>An entry in memory gives an address space another root: what hardware remembers of the entry may still be used.</summary>
    StoreRoot,

    /// <summary>What hardware remembers of such entries goes.</summary>
    DropRoutes,

    /// <summary>All commands before have taken effect.</summary>
    Complete,
}
