namespace IommuKit.Models.Tests.Guests;

/// <summary>A guest that means harm: what it does next is drawn from the random numbers it was made with, so that a fuzzer may choose them.</summary>
internal interface IHostileGuest
{
    /// <summary>One access: to a register, to memory, or by a device.</summary>
    void Step();
}
