namespace IommuKit.Specs.RiscV;

/// <summary>One translation mode of <see cref="RiscVFormat{TMode}"/>, as static members of an empty struct.</summary>
public interface IRiscVMode
{
    /// <summary>The mode as part of the format's name, for example <c>sv39</c>.</summary>
    static abstract string Name { get; }

    /// <summary>The level of the root, always: one less than the levels of the mode.</summary>
    static abstract int TopLevel { get; }

    /// <summary>Whether the mode translates guest physical addresses: its root is four times as long, and no leaf is privileged.</summary>
    static abstract bool IsSecondStage { get; }
}
