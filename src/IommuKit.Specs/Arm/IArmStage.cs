using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Arm;

/// <summary>What depends on the stage of <see cref="ArmLpae{TGranule, TStage}"/>, as static members of an empty struct.</summary>
public interface IArmStage
{
    /// <summary>The stage as part of the format's name, for example <c>s1</c>.</summary>
    static abstract string Name { get; }

    /// <summary>
    /// Whether up to 16 tables may lie next to each other and be the root, one level lower than a root of a few entries would be
    /// (Arm ARM, D8.2.2).
    /// </summary>
    static abstract bool ConcatenatesTables { get; }

    /// <summary>The bits of a leaf that depend on neither its address nor its level.</summary>
    static abstract ulong LeafAttributes(Protection protection);

    /// <summary>What a leaf lets a device do.</summary>
    static abstract Protection LeafProtection(ulong entry);

    /// <summary>What a pointer grants to all below it, and how it limits it.</summary>
    static abstract Protection TableProtection(ulong entry);
}
