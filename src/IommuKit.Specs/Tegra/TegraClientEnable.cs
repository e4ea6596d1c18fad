namespace IommuKit.Specs.Tegra;

/// <summary>Whether software can switch translation for a client.</summary>
public enum TegraClientEnable
{
    /// <summary>The client's bit in TRANSLATION_ENABLE can be written.</summary>
    ReadWrite,

    /// <summary>The bit exists but only firmware sets it (the GPU's clients).</summary>
    ReadOnly,

    /// <summary>There is no bit: the client is never translated (the CPU, and the table walker itself).</summary>
    None,
}
