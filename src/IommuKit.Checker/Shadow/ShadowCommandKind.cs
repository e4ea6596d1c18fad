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

    /// <summary>An address space gets another root, or none.</summary>
    SetRoot,

    /// <summary>A device gets another address space, or none.</summary>
    SetRoute,
}
