namespace IommuKit.Specs.Tegra;

/// <summary>A memory client: one port of an engine, the source id of its transactions.</summary>
/// <param name="Id">The client id, as fault records show it.</param>
/// <param name="Name">The field's short name, for example <c>sdmmcra</c>.</param>
/// <param name="Swgroup">Name of the group it belongs to. Not every group has an ASID register.</param>
/// <param name="Enable">Whether translation can be switched for it.</param>
public sealed record TegraClient(int Id, string Name, string Swgroup, TegraClientEnable Enable = TegraClientEnable.ReadWrite)
{
    /// <summary>Offset of the TRANSLATION_ENABLE register with the client's bit; null if it has none.</summary>
    public uint? EnableRegister => Enable == TegraClientEnable.None ? null : TegraMc.TranslationEnable(Id / 32);

    /// <summary>The client's bit in that register.</summary>
    public uint EnableMask => 1u << (Id % 32);
}
